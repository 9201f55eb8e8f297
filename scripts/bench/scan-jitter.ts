import { once } from 'node:events';
import { connect } from 'node:net';
import { readRequest } from '../../src/drivers/modbus/frame.ts';
import { modbusTcp } from '../../src/drivers/modbus/module.ts';
import { encodeFrame } from '../../src/drivers/modbus/tcp-frame.ts';
import { isGood } from '../../src/model/quality.ts';
import type { ReadingBatch } from '../../src/model/reading.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { recordingObserver } from '../../test/support/observer.ts';
import { tag } from '../../test/support/tag.ts';

const PERIOD_MS = 100;
const REGISTERS = 10;

/** How far scans are off their grid; one that is missing counts as a whole period. */
export interface JitterFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly scans: number;
  readonly expectedScans: number;
}

/**
 * Read some registers of each of some units on one connection every 100 ms; the last one is dead. A scan's jitter is how far the end of it is off
 * the grid of its unit, whose phase is the median of its scans. What comes in the warm-up, in which the connection is made and code is compiled, does
 * not count.
 */
export async function scanJitter(
  port: number,
  { units, warmupMs, forMs }: { readonly units: number; readonly warmupMs: number; readonly forMs: number },
): Promise<JitterFigures> {
  const times = new Map<string, number[]>();
  let isMeasuring = false;
  const report = (batch: ReadingBatch) => {
    const isAlive = typeof batch.statuses === 'number' && isGood(batch.statuses);
    if (isMeasuring && isAlive) times.get(batch.group.device)?.push(performance.now());
  };
  const devices = Array.from({ length: units }, (_none, i) => {
    const name = `unit-${i + 1}`;
    times.set(name, []);
    const tags = Array.from({ length: REGISTERS }, (_tag, r) =>
      tag(`r${r}`, { device: name, address: `HR:${r}`, type: 'uint16', scanMs: PERIOD_MS }),
    );
    return {
      name,
      config: { name, driver: 'modbus-tcp' as const, host: '127.0.0.1', port, unit: i + 1 },
      groups: [{ device: name, periodMs: PERIOD_MS, tags }],
    };
  });
  const driver = await modbusTcp.create(devices, {
    ...{ clock: systemClock, random: Math.random, observer: { ...recordingObserver(), emit: () => {} }, dataDir: null },
    ...{ report, deviceState: () => {}, tagFault: () => {} },
  });
  await driver.start();
  await passed(warmupMs);
  isMeasuring = true;
  await passed(forMs);
  await driver.stop();
  const expectedScans = Math.floor(forMs / PERIOD_MS) * (units - 1);
  return { ...offsetsOf(times.values()), expectedScans };
}

/** The same units read on the same grid by timers and a bare socket: what of the jitter is the machine's. */
export async function bareJitter(
  port: number,
  { units, forMs }: { readonly units: number; readonly forMs: number },
): Promise<Omit<JitterFigures, 'expectedScans'>> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  const times = Array.from({ length: units }, (): number[] => []);
  const answerBytes = 9 + REGISTERS * 2;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (; rest.length >= answerBytes; rest = rest.subarray(answerBytes)) times[rest[6] ?? 0]?.push(performance.now());
  });
  const began = performance.now();
  const beat = (unit: number, due: number) => {
    if (due > began + forMs) return;
    socket.write(encodeFrame(unit, readRequest(unit, { area: 'holding', offset: 0, count: REGISTERS })));
    const next = due + PERIOD_MS;
    systemClock.after(next - performance.now(), () => beat(unit, next));
  };
  for (let unit = 1; unit < units; unit++) beat(unit, began);
  await passed(forMs + PERIOD_MS);
  socket.destroy();
  return offsetsOf(times);
}

/** @param lists of times of one unit's scans each */
function offsetsOf(lists: Iterable<readonly number[]>): Omit<JitterFigures, 'expectedScans'> {
  const offsets: number[] = [];
  let scans = 0;
  for (const list of lists) {
    scans += list.length;
    const phase = circularMedian(list);
    list.forEach((at, i) => {
      offsets.push(Math.abs(offGrid(at, phase)));
      const missing = Math.round((at - (list[i - 1] ?? at - PERIOD_MS)) / PERIOD_MS) - 1;
      for (let beat = 0; beat < missing; beat++) offsets.push(PERIOD_MS);
    });
  }
  offsets.sort((a, b) => a - b);
  const at = (share: number) => Math.round((offsets[Math.floor(share * (offsets.length - 1))] ?? 0) * 100) / 100;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), scans };
}

/** Signed distance from the nearest beat of a grid, at most half a period. */
function offGrid(at: number, phase: number): number {
  const offset = (((at - phase) % PERIOD_MS) + PERIOD_MS) % PERIOD_MS;
  return offset < PERIOD_MS / 2 ? offset : offset - PERIOD_MS;
}

/** The median of where times lie in their period, which has no end: around their mean direction, so that no outlier moves where it is cut. */
function circularMedian(times: readonly number[]): number {
  const angle = (at: number) => (at / PERIOD_MS) * 2 * Math.PI;
  const sum = (of: (radians: number) => number) => times.reduce((total, at) => total + of(angle(at)), 0);
  const mean = (Math.atan2(sum(Math.sin), sum(Math.cos)) / (2 * Math.PI)) * PERIOD_MS;
  const around = times.map((at) => offGrid(at, mean)).sort((a, b) => a - b);
  return mean + (around[around.length >> 1] ?? 0);
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve));
}
