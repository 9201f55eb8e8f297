import { setTimeout as pause } from 'node:timers/promises';
import { Plant } from './plant.ts';
import { figuresOf, inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 25;
/** The longest time under load before a kill. */
const LONGEST_LOAD_MS = 600;

/** kill -9 at a random moment under load; the next start is on what is left. */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async ({ runs, seed, random }) => {
      const plant = await Plant.open({ random });
      try {
        for (let run = 0; run < runs; run++) {
          await plant.start();
          await pause(random() ** 2 * LONGEST_LOAD_MS);
          await plant.kill();
        }
        return figuresOf(plant, await plant.rest(), seed);
      } finally {
        await plant.close();
      }
    }),
};
