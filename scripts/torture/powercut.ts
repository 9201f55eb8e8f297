import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FaultDisk } from './fault-disk.ts';
import { Plant } from './plant.ts';
import { figuresOf, inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 25;
/** The longest time under load before a cut. */
const LONGEST_LOAD_MS = 600;

/** The power is cut at a random moment; the next start is on what a disk without barriers may have kept. */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async ({ runs, seed, random, say }) => {
      const disk = await FaultDisk.mount();
      const plant = await Plant.open({ random, dataDirectory: join(disk.path, 'data') });
      try {
        const own: Record<string, number> = { changesAtCut: 0, sectorsLost: 0, namesLost: 0 };
        for (let run = 0; run < runs; run++) {
          const cutSeed = Math.floor(random() * 2 ** 32);
          // Also while it starts: what recovery writes can be cut off, too.
          const isAtStart = random() < 0.2;
          const started = plant.start();
          if (isAtStart) await Promise.race([pause(150 + random() * 500), started]);
          else {
            await started;
            await pause(random() ** 2 * LONGEST_LOAD_MS);
          }
          const answer = await disk.cut(cutSeed);
          await plant.kill();
          await started.catch((error: unknown) => {
            if (!isAtStart) throw error;
          });
          await disk.on();
          for (const [name, text] of Object.entries({
            changesAtCut: 'changes',
            sectorsLost: 'sectors_lost',
            namesLost: 'names_lost',
          }))
            own[name] = (own[name] ?? 0) + Number(new RegExp(`${text}=(\\d+)`).exec(answer)?.[1] ?? 0);
        }
        const figures = figuresOf(plant, await plant.rest(), seed);
        say(`${(await disk.figures())['fsyncs']} fsyncs`);
        return { ...figures, own: { ...figures.own, ...own } };
      } finally {
        await plant.close();
        await disk.close();
      }
    }),
};
