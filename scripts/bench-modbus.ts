/**
 * How near the Modbus driver comes to what is possible: registers a second over TCP against a bare socket in the same run, the share of a serial
 * line's least bus time, how steady scans are next to a dead unit, and plans against simpler ones.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bareBusShare, bareRate, busShare, driverRate } from './bench/modbus-rates.ts';
import { comparePlanners } from './bench/planner.ts';
import { bareJitter, scanJitter } from './bench/scan-jitter.ts';

const UNITS = 20;
/** Turns of each; the ratio is the median of those within a turn. */
const ROUNDS = 15;
/** Of all the time, how much a turn has. */
const ROUND_SHARE = 10;
const REGISTERS = 125;

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, json: { type: 'boolean', default: false } },
});
const seconds = Number(options.seconds);
if (!(seconds > 0)) {
  process.stderr.write('usage: npm run bench:modbus -- [--seconds 20] [--json]\n');
  process.exit(2);
}
const children: ChildProcess[] = [];
const start = async <T>(script: string, args: readonly (string | number)[]): Promise<T> => {
  const child = fork(fileURLToPath(new URL(`bench/${script}`, import.meta.url)), args.map(String));
  children.push(child);
  return (await once(child, 'message'))[0] as T;
};
try {
  const port = await start<number>('modbus-unit.process.ts', [UNITS]);
  const tcp = [];
  for (const inFlight of [1, 16]) tcp.push(await tcpRatio(port, inFlight));
  const rtu = [];
  for (const baudRate of [9_600, 115_200]) {
    const path = await start<string>('timed-line.process.ts', [baudRate]);
    const line = { baudRate, dataBits: 8, parity: 'none', stopBits: 1 } as const;
    const bareShare = rounded(await bareBusShare(path, line, seconds * 125));
    rtu.push({ baudRate, share: rounded(await busShare(path, line, seconds * 250)), bareShare });
  }
  const warmupMs = seconds * 250;
  const jitter = await scanJitter(port, { units: UNITS, warmupMs, forMs: seconds * 1_000 });
  const bare = await bareJitter(port, { units: UNITS, forMs: seconds * 500 });
  const planner = sums(await comparePlanners(join(import.meta.dirname, '../config/profiles')));
  const result = { tcp, rtu, jitter: { units: UNITS, dead: 1, periodMs: 100, warmupMs, ...jitter, bare }, planner };
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    for (const { inFlight, registersPerSecond, ratio } of tcp) {
      print(`TCP, ${inFlight} in flight`, `${registersPerSecond} registers/s, ${ratio} of a bare socket`);
    }
    for (const { baudRate, share, bareShare } of rtu) {
      print(`RTU, ${baudRate} baud`, `${share} of the least bus time (a bare loop: ${bareShare})`);
    }
    print(
      `${UNITS} units, one dead, 100 ms`,
      `jitter p99 ${jitter.p99Ms} ms, max ${jitter.maxMs} ms (timers and a bare socket: p99 ${bare.p99Ms} ms), ${jitter.scans} of ${jitter.expectedScans} scans`,
    );
    for (const { line, plannedMs, contiguousMs, singleMs } of planner) {
      print(`plans, ${line}`, `${plannedMs} ms, contiguous ${contiguousMs} ms, one by one ${singleMs} ms`);
    }
  }
} finally {
  for (const child of children) {
    if (child.exitCode !== null) continue;
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
  }
}

/**
 * Medians of short turns by turns, and of the ratios within a turn: what else the machine does, and where it runs whom, meets all that follow
 * each other closely. A first turn of each, in which code is compiled, does not count.
 */
async function tcpRatio(port: number, inFlight: number) {
  const config = {
    ...{ name: 'unit', driver: 'modbus-tcp' as const, host: '127.0.0.1', port },
    max_in_flight: inFlight,
  };
  const own: number[] = [];
  const bare: number[] = [];
  const joined: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    bare.push(await bareRate(port, inFlight, seconds * ROUND_SHARE, false));
    if (inFlight > 1) joined.push(await bareRate(port, inFlight, seconds * ROUND_SHARE, true));
    own.push(await driverRate(config, inFlight, seconds * ROUND_SHARE));
    if (round === 0) for (const rates of [own, bare, joined]) rates.length = 0;
  }
  const ratioTo = (others: readonly number[]) =>
    rounded(median(own.map((rate, turn) => rate / (others[turn] ?? rate))));
  return {
    inFlight,
    requestsPerSecond: Math.round(median(own)),
    registersPerSecond: Math.round(median(own) * REGISTERS),
    bareRequestsPerSecond: Math.round(median(bare)),
    ratio: ratioTo(bare),
    ...(joined.length === 0
      ? {}
      : { joinedRequestsPerSecond: Math.round(median(joined)), ratioToJoined: ratioTo(joined) }),
  };
}

function sums(figures: Awaited<ReturnType<typeof comparePlanners>>) {
  return [...new Set(figures.map(({ line }) => line))].map((line) => {
    const own = figures.filter((figure) => figure.line === line);
    const sum = (key: 'plannedMs' | 'contiguousMs' | 'singleMs') =>
      Math.round(own.reduce((total, figure) => total + figure[key], 0));
    return {
      ...{ line, devices: own.length },
      ...{ plannedMs: sum('plannedMs'), contiguousMs: sum('contiguousMs'), singleMs: sum('singleMs') },
    };
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function print(name: string, text: string): void {
  process.stdout.write(`${name.padEnd(32)}${text}\n`);
}
