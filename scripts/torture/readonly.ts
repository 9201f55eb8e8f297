import { join } from 'node:path';
import { blockAgainAndAgain } from './blocked-disk.ts';
import { FaultDisk } from './fault-disk.ts';
import { Plant } from './plant.ts';
import { inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 5;

/** The file system under the data directory becomes read-only under open files, as a kernel does it after an error, and writable again. */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async (share) => {
      const disk = await FaultDisk.mount();
      const plant = await Plant.open({ random: share.random, dataDirectory: join(disk.path, 'data') });
      try {
        const blocked = {
          reason: 'readonly',
          blockedMs: 1_500,
          block: async () => void (await disk.readOnly(true)),
          unblock: async () => void (await disk.readOnly(false)),
        } as const;
        return await blockAgainAndAgain(plant, blocked, share);
      } finally {
        await plant.close();
        await disk.close();
      }
    }),
};
