import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Pty } from '../../../test/support/pty.ts';
import { seededRandom } from '../../random.ts';
import type { Torture, TortureContext, TortureFigures } from '../torture-case.ts';
import { type HostilePlace, linePlace, type PlaceTimes, ptyPlace, tcpPlace } from './hostile-places.ts';
import { HostileUnit } from './hostile-unit.ts';
import { type LaneFigures, pollLane } from './poll-lane.ts';
import { scanLane } from './scan-lane.ts';
import { StallMeter } from './stall-meter.ts';

const FAULT_RATE = 0.02;
const TIMES: PlaceTimes = { timeoutMs: 25, lateReplyMs: 80 };
/** How long past its time-out a call may settle. */
const SETTLE_WITHIN_MS = 100;
const MAX_HEAP_GROWTH_MB = 16;
const SAY_EVERY_MS = 5_000;

interface LaneKind {
  readonly name: string;
  /** Of all polls, in parts of the sum of all. */
  readonly share: number;
  readonly isNumbered: boolean;
  readonly isRelayed: boolean;
  readonly open: (unit: HostileUnit) => Promise<HostilePlace>;
}

/** Serial lines are slow: most polls go over TCP, so that all lanes end together. */
const LANES: readonly LaneKind[] = [
  ...[1, 1, 4, 16].map((inFlight, at) => ({
    name: `tcp-${at + 1}, ${inFlight} in flight`,
    share: inFlight === 1 ? 60 : 160,
    isNumbered: true,
    isRelayed: false,
    open: (unit: HostileUnit) => tcpPlace(unit, TIMES, inFlight),
  })),
  ...['rtu', 'rtu', 'rtu', 'rtu', 'ascii'].map((framing, at) => ({
    name: `${framing}-tcp-${at + 1}`,
    share: 8,
    isNumbered: false,
    isRelayed: false,
    open: (unit: HostileUnit) => linePlace(unit, TIMES, framing === 'rtu' ? 'rtu' : 'ascii'),
  })),
  ...['rtu', 'rtu', 'rtu', 'rtu', 'ascii'].map((framing, at) => ({
    name: `${framing}-pty-${at + 1}`,
    share: 8,
    isNumbered: false,
    isRelayed: true,
    open: (unit: HostileUnit) => ptyPlace(unit, TIMES, framing === 'rtu' ? 'rtu' : 'ascii'),
  })),
];

/** Units that do everything wrong that a unit can do wrong, over every transport; no value that is not theirs may ever be Good. */
export const torture: Torture = {
  async run(context: TortureContext): Promise<TortureFigures> {
    // The first child and the first serial port cost what stays for good.
    await (await Pty.open()).close();
    await import('serialport');
    const before = handles();
    const stalls = new StallMeter();
    const shares = LANES.reduce((sum, { share }) => sum + share, 0);
    let polled = 0;
    let said = performance.now();
    let heapMb: number | null = null;
    const onPolled = () => {
      polled++;
      if (polled === Math.floor(context.runs / 5)) heapMb = heapUsedMb();
      if (performance.now() - said < SAY_EVERY_MS) return;
      said = performance.now();
      context.say(`${polled} of ${context.runs} polls`);
    };
    const units: HostileUnit[] = [];
    const lanes = LANES.map(async (kind, index) => {
      const random = seededRandom(context.seed + index * 2);
      const unit = new HostileUnit({
        random: seededRandom(context.seed + index * 2 + 1),
        faultRate: FAULT_RATE,
        isNumbered: kind.isNumbered,
        isRelayed: kind.isRelayed,
        lateMs: kind.isNumbered
          ? [TIMES.timeoutMs, TIMES.timeoutMs * 8]
          : [TIMES.timeoutMs + 1, TIMES.timeoutMs + TIMES.lateReplyMs / 2],
      });
      units.push(unit);
      const place = await kind.open(unit);
      const polls = Math.max(1, Math.round((context.runs * kind.share) / shares));
      try {
        return await pollLane({ unit, place, polls, random, stalls, onPolled });
      } finally {
        await place.close();
      }
    });
    const scans = scanLane(seededRandom(context.seed + 1_000), FAULT_RATE, TIMES, Promise.all(lanes));
    const found = await Promise.all(lanes);
    const scanned = await scans;
    stalls.stop();
    const grownMb = heapMb === null ? 0 : heapUsedMb() - heapMb;
    const leaked = await leftOver(before);
    const own = ownFigures(found, units, scanned);
    return {
      ...{ acceptedLost: 0, duplicatesAfterDedupe: 0, orderViolations: 0, corrupt: own.wrongValuesGood },
      maxRecoverySeconds: 0,
      own: {
        ...own,
        longestStallMs: Math.round(stalls.longestMs),
        handlesLeaked: leaked.length,
        heapGrowthMb: Math.round(grownMb * 10) / 10,
      },
      failures: [
        ...(own.wrongValuesGood > 0 ? [`${own.wrongValuesGood} wrong values were Good`] : []),
        ...(own.maxSettleOverdueMs > SETTLE_WITHIN_MS
          ? [`a call settled ${own.maxSettleOverdueMs} ms past its time-out`]
          : []),
        ...(leaked.length > 0 ? [`left over: ${leaked.join(', ')}`] : []),
        ...(grownMb > MAX_HEAP_GROWTH_MB ? [`the heap has grown by ${Math.round(grownMb)} MB`] : []),
      ],
    };
  },
};

function ownFigures(
  found: readonly LaneFigures[],
  units: readonly HostileUnit[],
  scanned: { readonly readings: number; readonly wrong: number },
) {
  const sum = (of: (lane: LaneFigures) => number) => found.reduce((total, lane) => total + of(lane), 0);
  const failed: Record<string, number> = {};
  for (const { failed: codes } of found) for (const [code, n] of codes) failed[code] = (failed[code] ?? 0) + n;
  const faults: Record<string, number> = {};
  for (const { counts } of units) for (const [fault, n] of counts) faults[fault] = (faults[fault] ?? 0) + n;
  const neighbours = sum(({ wrong }) => wrong.neighbour);
  const old = sum(({ wrong }) => wrong.old);
  return {
    polls: sum(({ polls }) => polls),
    wrongValuesGood: neighbours + old + scanned.wrong,
    neighbours,
    old,
    scannedWrong: scanned.wrong,
    laterThanPromised: sum(({ tooLate }) => tooLate),
    cases: found.flatMap(({ cases }, lane) => cases.map((one) => ({ lane: LANES[lane]?.name, ...one }))),
    good: sum(({ good }) => good),
    exceptions: sum(({ exceptions }) => exceptions),
    failed,
    scannedReadings: scanned.readings,
    maxSettleOverdueMs: Math.round(Math.max(...found.map(({ maxOverdueMs }) => maxOverdueMs)) * 10) / 10,
    reconnects: sum(({ reconnects }) => reconnects),
    replugs: sum(({ replugs }) => replugs),
    faults,
  };
}

/** What keeps a process alive or takes a file descriptor, by kind. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>([['descriptors', readdirSync('/proc/self/fd').length]]);
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** What there is more of than before, once what is being closed had time to go. */
async function leftOver(before: ReadonlyMap<string, number>): Promise<string[]> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const more = [...handles()].filter(([kind, n]) => n > (before.get(kind) ?? 0));
    if (more.length === 0 || performance.now() > deadline) return more.map(([kind, n]) => `${n} ${kind}`);
    await pause(20);
  }
}

function heapUsedMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1_048_576;
}
