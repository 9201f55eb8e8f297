import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FaultDisk } from './fault-disk.ts';
import { Plant } from './plant.ts';
import { figuresOf, inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 20;
const KINDS = ['fsync', 'fsync', 'fsync', 'write', 'fsyncdir'] as const;
/** Until a daemon whose disk fails must have ended. */
const END_TIMEOUT_MS = 15_000;
const LONGEST_LOAD_MS = 300;
/** Directories are synced now and then only: the run goes on if none was. */
const DIRECTORY_TIMEOUT_MS = 1_500;

/**
 * An fsync or a write fails: once, so that the next one says that all is well, as Linux does, or always. What the failed fsync was for
 * never reaches the disk. The daemon must end by itself, and what it acknowledged must be there, also after a power cut.
 */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async ({ runs, seed, random, say }) => {
      const disk = await FaultDisk.mount();
      const plant = await Plant.open({ random, dataDirectory: join(disk.path, 'data') });
      const failures: string[] = [];
      const own = { fsync: 0, fsyncdir: 0, write: 0, endedByItself: 0, powerCutsAfter: 0 };
      try {
        for (let run = 0; run < runs; run++) {
          const kind = KINDS[Math.floor(random() * KINDS.length)] ?? 'fsync';
          const count = random() < 0.5 ? 1 : -1;
          await plant.start();
          await pause(random() * LONGEST_LOAD_MS);
          const before = (await disk.figures())['failed'] ?? 0;
          await disk.fail(kind, kind === 'fsyncdir' ? 0 : Math.floor(random() * 12), count);
          const timeoutMs = kind === 'fsyncdir' ? DIRECTORY_TIMEOUT_MS : END_TIMEOUT_MS;
          const end = await Promise.race([plant.daemon.ended, pause(timeoutMs, null)]);
          const failed = ((await disk.figures())['failed'] ?? 0) - before;
          if (failed > 0) own[kind]++;
          // SQLite passes over the error of a directory; then what it was for must be durable all the same.
          if (end === null && kind !== 'fsyncdir')
            failures.push(`seed ${seed}, run ${run}: goes on after ${failed} failed ${kind} calls`);
          else if (end !== null && end.code !== 1)
            failures.push(`seed ${seed}, run ${run}: ended with ${end.code ?? end.signal}, not 1`);
          else if (end !== null) own.endedByItself++;
          await plant.kill();
          await disk.heal();
          if (random() < 0.5) {
            own.powerCutsAfter++;
            await disk.cut(Math.floor(random() * 2 ** 32));
            await disk.on();
          } else await disk.evict(Math.floor(random() * 2 ** 32));
        }
        const figures = figuresOf(plant, await plant.rest(), seed);
        say(`${(await disk.figures())['fsyncs']} fsyncs`);
        return { ...figures, own: { ...figures.own, ...own }, failures: [...figures.failures, ...failures] };
      } finally {
        await plant.close();
        await disk.close();
      }
    }),
};
