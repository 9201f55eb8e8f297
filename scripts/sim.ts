/** Whole plant-lives of faults in virtual time: `npm run sim -- --seeds 10000`, `--seed 7 --trace`. */
import { parseArgs } from 'node:util';
import { messageOf } from '../src/errors/headgate-error.ts';
import { Life } from './sim/life.ts';
import { runLives } from './sim/run-lives.ts';
import { type MutantReport, runMutants } from './sim/run-mutants.ts';
import type { LifeReport } from './sim/watch-lives.ts';

const USAGE = `usage: npm run sim -- --seeds N [--from K] [--jobs 2] [--json]
       npm run sim -- --seed K [--trace] [--json]
       npm run sim -- --mutants [--seeds N] [--jobs 2] [--json]
       HEADGATE_MUTANT=NAME node --import ./scripts/sim/mutate.preload.ts scripts/sim.ts --seed K [--trace]`;
const EXIT = { holds: 0, fails: 1, usage: 2 } as const;
const SHOWN_FAILURES = 20;
const MUTANT_SEEDS = 250;

process.exitCode = await main();

async function main(): Promise<number> {
  let values: ReturnType<typeof parse>;
  try {
    values = parse();
  } catch (error) {
    return refuse(messageOf(error));
  }
  const whole = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN);
  const jobs = whole(values.jobs);
  const from = whole(values.from);
  if (!(jobs >= 1) || !(from >= 0)) return refuse('--jobs and --from take whole numbers');
  if (values.seed !== undefined) {
    const seed = whole(values.seed);
    return Number.isNaN(seed) ? refuse('--seed takes a whole number') : await one(seed, values);
  }
  if (values.mutants) return await mutants(whole(values.seeds ?? String(MUTANT_SEEDS)), jobs, values.json);
  const seeds = whole(values.seeds ?? '');
  if (!(seeds >= 1)) return refuse('--seeds takes a whole number from 1');
  // Many lives run in processes of their own, without what this one has preloaded.
  if (process.env['HEADGATE_MUTANT'] !== undefined) return refuse('HEADGATE_MUTANT goes with --seed');
  return await many(seeds, from, jobs, values.json);
}

function parse() {
  return parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      jobs: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
    },
  }).values;
}

/** One life, with what happened in it. */
async function one(
  seed: number,
  { trace, json }: { readonly trace: boolean; readonly json: boolean },
): Promise<number> {
  const { lines, ...result } = await new Life(seed, trace).live();
  if (trace || result.violation !== null) process.stderr.write(`${lines.join('\n')}\n`);
  print(json, { ...result, holds: result.violation === null });
  return result.violation === null ? EXIT.holds : EXIT.fails;
}

async function many(seeds: number, from: number, jobs: number, isJson: boolean): Promise<number> {
  const began = performance.now();
  const failures: LifeReport[] = [];
  const sums = { lives: 0, virtualDays: 0, acceptedEvents: 0, processes: 0 };
  const onLife = (report: LifeReport) => {
    sums.lives++;
    sums.virtualDays += report.virtualSeconds / 86_400;
    sums.acceptedEvents += report.acceptedEvents;
    sums.processes += report.processes;
    if (report.violation === null) return false;
    failures.push(report);
    process.stderr.write(`${report.violation.invariant}: ${report.violation.detail.split('\n')[0]}\n`);
    process.stderr.write(`again: npm run sim -- --seed ${report.seed}\n`);
    return failures.length >= SHOWN_FAILURES;
  };
  await runLives({ first: from, count: seeds, jobs, onLife });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const virtualDays = Math.round(sums.virtualDays * 100) / 100;
  const failing = failures.map(({ seed, violation }) => ({ seed, invariant: violation?.invariant }));
  const holds = failures.length === 0 && sums.lives === seeds;
  print(isJson, { seeds, from, ...sums, virtualDays, seconds, failures: failing, holds });
  return holds ? EXIT.holds : EXIT.fails;
}

/** Every mutant must be noticed, in a life that holds without it. */
async function mutants(seeds: number, jobs: number, isJson: boolean): Promise<number> {
  if (!(seeds >= 1)) return refuse('--seeds takes a whole number from 1');
  const began = performance.now();
  const reports: MutantReport[] = [];
  const broken = await runMutants({
    seeds,
    jobs,
    onMutant: (report) => {
      reports.push(report);
      const { name, caughtBy, lives } = report;
      const by = caughtBy === null ? `NOT CAUGHT in ${lives} lives` : `seed ${caughtBy.seed}: ${caughtBy.invariant}`;
      process.stderr.write(`${name.padEnd(36)}${by}\n`);
    },
  });
  for (const seed of broken) process.stderr.write(`fails without a mutant: npm run sim -- --seed ${seed}\n`);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const caught = reports.filter(({ caughtBy }) => caughtBy !== null).length;
  const holds = caught === reports.length && broken.length === 0;
  print(isJson, { mutants: reports.length, caught, seeds, controlFails: broken, seconds, reports, holds });
  return holds ? EXIT.holds : EXIT.fails;
}

function print(isJson: boolean, result: Readonly<Record<string, unknown>>): void {
  if (isJson) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key.padEnd(16)}${show(value)}\n`);
}

function show(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function refuse(reason: string): number {
  process.stderr.write(`${reason}\n${USAGE}\n`);
  return EXIT.usage;
}
