import { join } from 'node:path';
import { comparePlanners } from './bench/planner.ts';

// What reading all tags of each built-in profile once takes a serial line, planned by wire-seconds, by contiguous registers, and one by one.
const figures = await comparePlanners(join(import.meta.dirname, '../config/profiles'));
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ figures })}\n`);
else {
  for (const line of new Set(figures.map((figure) => figure.line))) {
    const own = figures.filter((figure) => figure.line === line);
    const sum = (key: 'plannedMs' | 'contiguousMs' | 'singleMs') =>
      own.reduce((total, figure) => total + figure[key], 0);
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
    process.stdout.write(
      `${line}: ${own.length} devices, planned ${seconds(sum('plannedMs'))}, contiguous ${seconds(sum('contiguousMs'))}, one by one ${seconds(sum('singleMs'))}\n`,
    );
  }
}
