/** Hurts real gateways and proves that nothing is lost, doubled or out of order: `npm run torture -- NAME --runs N --json`. */
import { parseArgs } from 'node:util';
import { nearest } from '../src/config/nearest.ts';
import { messageOf } from '../src/errors/headgate-error.ts';
import { seededRandom } from './random.ts';
import type { TortureFigures } from './torture/torture-case.ts';
import { TORTURES } from './torture/tortures.table.ts';

const USAGE = `usage: npm run torture -- NAME [--runs N | --polls N] [--seed S] [--jobs 2] [--json]
       npm run torture -- --list`;
const EXIT = { holds: 0, fails: 1, usage: 2, brokenOff: 130 } as const;

// Broken off: what was started and mounted goes with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EXIT.brokenOff));
process.exitCode = await main();

async function main(): Promise<number> {
  const parsed = parseOptions();
  if (typeof parsed === 'string') return refuse(parsed);
  const { values, positionals } = parsed;
  if (values.list) {
    const rows = Object.entries(TORTURES).map(([name, entry]) => ({ name, ...entry, load: undefined }));
    if (values.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
    else for (const { name, fullRuns, summary } of rows) print(name, `${summary} (full strength: --runs ${fullRuns})`);
    return EXIT.holds;
  }
  const [name, ...surplus] = positionals;
  if (name === undefined) return refuse('which torture? --list shows them');
  const entry = TORTURES[name];
  if (entry === undefined) {
    const near = nearest(name, Object.keys(TORTURES));
    return refuse(`no torture is called ${name}${near === null ? '' : `; did you mean ${near}?`}`);
  }
  const runs = Number(values.polls ?? values.runs ?? entry.fullRuns);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 0x1_0000_0000));
  const jobs = Number(values.jobs);
  if (!isCount(runs) || !isCount(jobs)) return refuse('--runs and --jobs take a whole number from 1');
  if (!Number.isSafeInteger(seed) || seed < 0) return refuse('--seed takes a whole number from 0');
  if (surplus.length > 0) return refuse(`what is "${surplus.join(' ')}"? One torture at a time`);

  const { torture } = await entry.load();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const began = performance.now();
  const figures = await torture.run({ runs, seed, random: seededRandom(seed), jobs, say });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  return report(name, { runs, seed, seconds }, figures, values.json);
}

function report(
  name: string,
  call: { readonly runs: number; readonly seed: number; readonly seconds: number },
  figures: TortureFigures,
  isJson: boolean,
): number {
  const { own, failures, ...common } = figures;
  const { acceptedLost, duplicatesAfterDedupe, orderViolations, corrupt } = common;
  const holds = acceptedLost + duplicatesAfterDedupe + orderViolations + corrupt === 0 && failures.length === 0;
  const result = { name, runs: call.runs, ...common, seconds: call.seconds, seed: call.seed, ...own, failures, holds };
  if (isJson) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const shown = Object.entries(result).filter(([key]) => key !== 'failures');
    for (const [key, value] of shown) print(key, typeof value === 'object' ? JSON.stringify(value) : String(value));
    for (const failure of failures) print('failure', failure);
  }
  if (!holds) process.stderr.write(`again: npm run torture -- ${name} --runs ${call.runs} --seed ${call.seed}\n`);
  return holds ? EXIT.holds : EXIT.fails;
}

function parseOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string' },
        // What a run of the Modbus torture is.
        polls: { type: 'string' },
        seed: { type: 'string' },
        jobs: { type: 'string', default: '2' },
        list: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return messageOf(error);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

function print(name: string, text: string): void {
  process.stdout.write(`${name.padEnd(24)}${text}\n`);
}

function refuse(problem: string): number {
  process.stderr.write(`${problem}\n${USAGE}\n`);
  return EXIT.usage;
}
