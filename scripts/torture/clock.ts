import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CLOCK_STEP_TYPE } from '../../src/journal/clock-step.ts';
import { JOURNAL_EVENTS } from '../../src/observe/journal.events.ts';
import { Plant } from './plant.ts';
import { figuresOf, inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 5;
const STEP_TIMEOUT_MS = 10_000;
const LOAD_MS = 400;
const STEP_LINE = JOURNAL_EVENTS['clock-stepped'].message;
const YEAR_S = 365 * 86_400;
/** Seconds; what an operator, NTP or an empty battery does to a clock. */
const STEPS_S = [-YEAR_S, -86_400, -3_600, -5, 5, 3_600, 86_400, 30 * 86_400] as const;
/** A leap second smeared over far less than a day, in steps too small to be one. */
const SMEAR = { steps: 10, stepS: 0.02, everyMs: 60 } as const;
/** Age limits that a wrong clock would overstep at once. */
const JOURNAL = { max_age_days: { bulk: 1, normal: 1, critical: 1 }, retain_settled_h: 24 };

/**
 * libfaketime moves the daemon's wall clock, not its monotonic one. Order and retention must hold: nothing is dropped for its age, since
 * nothing grows old; each step, and no smear, is an event.
 */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async ({ runs, seed, random }) => {
      const work = mkdtempSync(join(tmpdir(), 'headgate-clock-'));
      const file = join(work, 'offset');
      const set = (seconds: number) => {
        writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}\n`);
        renameSync(`${file}.new`, file);
      };
      const environment = {
        LD_PRELOAD: libfaketime(),
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: '1',
        DONT_FAKE_MONOTONIC: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      };
      const plant = await Plant.open({ random, journal: JOURNAL });
      const failures: string[] = [];
      const own = { steps: 0, startsIn1970: 0, stepEvents: 0, maxStepSeconds: 0 };
      const step = async (seconds: number, run: number) => {
        const at = performance.now();
        set(seconds);
        own.steps++;
        while (!plant.daemon.log.includes(STEP_LINE)) {
          if (performance.now() - at > STEP_TIMEOUT_MS) {
            failures.push(
              `seed ${seed}, run ${run}: nothing tells of the step to ${seconds} s: ${plant.daemon.lastLines(3)}`,
            );
            return;
          }
          await pause(20);
        }
        own.maxStepSeconds = Math.max(own.maxStepSeconds, Math.round((performance.now() - at) / 10) / 100);
      };
      let offset = 0;
      try {
        for (let run = 0; run < runs; run++) {
          const isWithoutClock = random() < 0.3;
          // What waits is what age limits could cost.
          plant.wan.faults.accept = 'reset';
          plant.wan.reset();
          set(isWithoutClock ? 10 - Math.floor(Date.now() / 1000) : offset);
          await plant.start({ environment });
          await pause(LOAD_MS * random());
          if (isWithoutClock) {
            own.startsIn1970++;
            await step(offset, run);
          } else {
            offset += STEPS_S[Math.floor(random() * STEPS_S.length)] ?? 0;
            await step(offset, run);
          }
          for (let n = 0; n < SMEAR.steps; n++) {
            offset += SMEAR.stepS;
            set(offset);
            await pause(SMEAR.everyMs);
          }
          // The age limits are looked at each second.
          await pause(1_100);
          if (random() < 0.5) await plant.kill();
          else {
            await plant.oracle.finish();
            await plant.daemon.stop();
          }
        }
        set(offset);
        plant.wan.faults.accept = 'pass';
        const end = await plant.rest({ environment });
        own.stepEvents = plant.told(CLOCK_STEP_TYPE);
        if (own.stepEvents !== own.steps)
          failures.push(`seed ${seed}: ${own.stepEvents} step events, ${own.steps} steps`);
        if (end.ledger.gaps > 0) failures.push(`seed ${seed}: ${end.ledger.gaps} events were dropped`);
        const figures = figuresOf(plant, end, seed);
        return { ...figures, own: { ...figures.own, ...own }, failures: [...figures.failures, ...failures] };
      } finally {
        await plant.close();
        rmSync(work, { recursive: true, force: true });
      }
    }),
};

/** The library's path; installs it where it is missing. */
function libfaketime(): string {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const path = `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`;
  if (!existsSync(path)) {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    execFileSync('apt-get', ['install', '-qq', '-y', '--no-install-recommends', 'faketime'], { stdio: 'ignore' });
  }
  return path;
}
