import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blockAgainAndAgain } from './blocked-disk.ts';
import { FaultDisk } from './fault-disk.ts';
import { Plant } from './plant.ts';
import { inPlants, type PlantShare } from './plants.ts';
import type { Torture, TortureFigures } from './torture-case.ts';

const RUNS_PER_PLANT = 3;
const TMPFS_BYTES = 64 * 1024 * 1024;
/** So much is left to the gateway before others take the rest, so that it has something to drop. */
const BLOCK = new Uint8Array(64 * 1024).fill(0x5a);

/**
 * Others fill the disk to its last byte: a tmpfs of 64 MB, which Linux fills and empties itself, and in turn a fault-injecting disk, where a
 * write may fit in part. The gateway gives up its ballast, drops what it may, then refuses, and goes on when there is room again.
 */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, (share) => (share.seed % 2 === 0 ? onTmpfs(share) : onFaultDisk(share))),
};

async function onTmpfs(share: PlantShare): Promise<TortureFigures> {
  const mountPoint = mkdtempSync(join(tmpdir(), 'headgate-tmpfs-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS_BYTES}`, 'tmpfs', mountPoint]);
  const plant = await Plant.open({ random: share.random, dataDirectory: join(mountPoint, 'data'), journal: CAPACITY });
  const others = join(mountPoint, 'others');
  let filling: NodeJS.Timeout | undefined;
  try {
    return await blockAgainAndAgain(
      plant,
      {
        reason: 'disk',
        blockedMs: 1_500,
        block: async () => {
          fill(others);
          // What the gateway gives up is taken at once: these others never have enough.
          filling = setInterval(() => fill(others), 20);
        },
        unblock: async () => {
          clearInterval(filling);
          rmSync(others);
        },
      },
      share,
    );
  } finally {
    clearInterval(filling);
    await plant.close();
    execFileSync('umount', ['-l', mountPoint]);
    rmSync(mountPoint, { recursive: true, force: true });
  }
}

async function onFaultDisk(share: PlantShare): Promise<TortureFigures> {
  const disk = await FaultDisk.mount();
  await disk.space(TMPFS_BYTES);
  const plant = await Plant.open({ random: share.random, dataDirectory: join(disk.path, 'data'), journal: CAPACITY });
  try {
    return await blockAgainAndAgain(
      plant,
      {
        reason: 'disk',
        blockedMs: 1_500,
        block: async () => void (await disk.others(TMPFS_BYTES)),
        unblock: async () => void (await disk.others(0)),
      },
      share,
    );
  } finally {
    await plant.close();
    await disk.close();
  }
}

const CAPACITY = { quota_mb: 32, min_free_disk_mb: 2, ballast_mb: 1, retain_settled_h: 24 };

/** Write until the disk takes no byte more. */
function fill(path: string): void {
  const handle = openSync(path, 'a');
  try {
    for (let size = BLOCK.length; size >= 512; ) {
      try {
        writeSync(handle, BLOCK, 0, size);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size /= 2;
      }
    }
  } finally {
    closeSync(handle);
  }
}
