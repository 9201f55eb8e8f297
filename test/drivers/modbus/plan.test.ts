import fc from 'fast-check';
import t from 'tap';
import { isBitArea } from '../../../src/drivers/modbus/area.ts';
import { busTiming, type Framing } from '../../../src/drivers/modbus/bus-timing.ts';
import {
  type Block,
  type Extent,
  gapsOf,
  halvesOf,
  overlap,
  type PlanLimits,
  planReads,
  readsOf,
} from '../../../src/drivers/modbus/plan.ts';
import { readCost } from '../../../src/drivers/modbus/read-cost.ts';
import { planLimits } from './plan-limits.ts';

const limits = planLimits();
const holding = (offset: number, count = 1): Extent => ({ area: 'holding', offset, count });
const shape = (blocks: readonly Block[]) => blocks.map(({ area, offset, count }) => `${area} ${offset}+${count}`);

t.test('merges what is near and splits where limits, gaps and areas say so', async (t) => {
  const table: [string, Extent[], Partial<PlanLimits>, string[]][] = [
    ['nothing', [], {}, []],
    ['one', [holding(5, 2)], {}, ['holding 5+2']],
    ['adjacent, any order', [holding(2, 2), holding(0, 2)], {}, ['holding 0+4']],
    ['a gap of 8', [holding(0), holding(9)], {}, ['holding 0+10']],
    ['a gap of 9', [holding(0), holding(10)], {}, ['holding 0+1', 'holding 10+1']],
    ['no gaps wanted', [holding(0), holding(2)], { maxGap: 0 }, ['holding 0+1', 'holding 2+1']],
    ['same address twice', [holding(3), holding(3), holding(3, 2)], {}, ['holding 3+2']],
    ['a point inside another', [holding(0, 10), holding(4, 1), holding(10)], {}, ['holding 0+11']],
    ['exactly the limit', [holding(0, 60), holding(60, 65)], {}, ['holding 0+125']],
    ['one past the limit', [holding(0, 60), holding(60, 66)], {}, ['holding 0+60', 'holding 60+66']],
    ['a value is not split', [holding(0, 124), holding(124, 2)], {}, ['holding 0+124', 'holding 124+2']],
    ['areas apart', [holding(0), { area: 'input', offset: 1, count: 1 }], {}, ['input 1+1', 'holding 0+1']],
    [
      'a wide string alone',
      [holding(0), holding(1, 300), holding(301)],
      {},
      ['holding 0+1', 'holding 301+1', 'holding 1+300'],
    ],
    ['the end of the area', [holding(65535), holding(65530)], {}, ['holding 65530+6']],
    [
      'coils across 128',
      [
        { area: 'coil', offset: 0, count: 1 },
        { area: 'coil', offset: 129, count: 1 },
      ],
      {},
      ['coil 0+130'],
    ],
    [
      'coils across 129',
      [
        { area: 'coil', offset: 0, count: 1 },
        { area: 'coil', offset: 130, count: 1 },
      ],
      {},
      ['coil 0+1', 'coil 130+1'],
    ],
  ];
  for (const [what, points, over, expected] of table) {
    t.strictSame(shape(planReads(points, { ...limits, ...over })), expected, what);
  }
});

t.test('reads a point wider than the limit in pieces', async (t) => {
  t.strictSame(readsOf(holding(10, 300), limits), [holding(10, 125), holding(135, 125), holding(260, 50)]);
  t.strictSame(readsOf(holding(10, 125), limits), [holding(10, 125)]);
});

t.test('goes around what is forbidden', async (t) => {
  const isForbidden = (gap: Extent) => overlap(gap, holding(4));
  const points = [holding(0), holding(3), holding(6)];
  const around = ['holding 0+4', 'holding 6+1'];
  t.strictSame(shape(planReads(points, limits, isForbidden)), around, 'what the unit refused');
  t.strictSame(
    shape(planReads(points, planLimits({ forbidden: [holding(4)] }))),
    around,
    'what the device file forbids',
  );
});

t.test('halves leave the gap between them out', async (t) => {
  const points = [holding(0), holding(2), holding(8), holding(9)];
  const [block] = planReads(points, limits);
  t.ok(block);
  if (block === undefined) return;
  t.strictSame(shape(halvesOf(block, points)), ['holding 0+3', 'holding 8+2']);
  t.strictSame(gapsOf(block, points), [holding(1), holding(3, 5)]);
});

const areas = fc.constantFrom('coil' as const, 'discrete' as const, 'input' as const, 'holding' as const);
const extents = fc.array(
  fc
    .record({ area: areas, offset: fc.integer({ min: 0, max: 120 }), count: fc.integer({ min: 1, max: 6 }) })
    .map((extent): Extent => (isBitArea(extent.area) ? { ...extent, count: 1 } : extent)),
  { maxLength: 24 },
);

/** A serial line of 8N1, with how long the unit thinks. */
const line = (baudRate: number, latencyMs: number, framing: Framing = 'rtu') =>
  readCost(busTiming(framing, { baudRate, dataBits: 8, parity: 'none', stopBits: 1 }, 0), {
    latencyMs,
    registerMs: null,
  });

t.test('reads across a gap where that is quicker than another request', async (t) => {
  const apart = (gap: number) => [holding(0), holding(gap + 1)];
  const widest = (costOf: PlanLimits['costOf']) => {
    const limits = planLimits({ maxGap: 125, costOf });
    for (let gap = 123; gap > 0; gap--) if (planReads(apart(gap), limits).length === 1) return gap;
    return 0;
  };
  // 8 characters of request, 5 around the answer, two silences of 3.5, against 2 for each register, of 1.04 ms.
  t.equal(widest(line(9_600, 0)), 10, 'a prompt unit at 9,600 baud');
  t.equal(widest(line(9_600, 25)), 20, 'one that thinks for 25 ms');
  t.equal(widest(line(115_200, 25)), 123, 'at 115,200 baud nothing is dearer than a request');
  t.equal(widest(line(9_600, 25, 'ascii')), 13, 'ASCII pays each byte twice');
  const tcp = (registerMs: number | null) => readCost(busTiming('tcp', null, 0), { latencyMs: 10, registerMs });
  t.equal(widest(tcp(null)), 32, 'TCP, where a line behind may be slow');
  t.equal(widest(tcp(2)), 5, 'TCP, where a line behind was found to be slow');
  t.equal(widest(tcp(0.01)), 123, 'TCP, where a register was found to cost nothing');
  t.equal(
    planReads(apart(5), planLimits({ maxGap: 0, costOf: line(9_600, 25) })).length,
    2,
    'unless gaps are not wanted',
  );
});

t.test('a longer read now may spare a request later', async (t) => {
  // From the left, joining the first three would leave the last alone behind the limit; the gap costs less than a request.
  const points = [holding(0, 4), holding(6, 4), holding(10, 4), holding(14, 6)];
  const blocks = planReads(points, planLimits({ maxRegisters: 14, costOf: ({ count }) => 10 + count }));
  t.strictSame(shape(blocks), ['holding 0+4', 'holding 6+14']);
});

const anyLimits = fc
  .record({
    maxRegisters: fc.integer({ min: 1, max: 20 }),
    maxBits: fc.integer({ min: 1, max: 40 }),
    maxGap: fc.integer({ min: 0, max: 12 }),
    forbidden: fc.array(
      fc.record({ area: areas, offset: fc.integer({ min: 0, max: 120 }), count: fc.integer({ min: 1, max: 3 }) }),
      { maxLength: 4 },
    ),
    costOf: fc
      .record({
        framing: fc.constantFrom('rtu' as const, 'ascii' as const),
        baudRate: fc.constantFrom(1_200, 9_600, 19_200, 115_200),
        latencyMs: fc.integer({ min: 0, max: 60 }),
      })
      .map(({ framing, baudRate, latencyMs }) => line(baudRate, latencyMs, framing)),
  })
  .map((limits): PlanLimits => limits);

t.test('covers every point once, by legal reads, never across a larger gap or what is forbidden', async (t) => {
  fc.assert(
    fc.property(extents, anyLimits, (points, bounds) => {
      const blocks = planReads(points, bounds);
      const covered = blocks.flatMap((block) => block.points).sort((a, b) => a - b);
      if (covered.join() !== points.map((_, i) => i).join()) return false;
      return blocks.every((block) => {
        const most = isBitArea(block.area) ? bounds.maxBits : bounds.maxRegisters;
        const isLegal = block.count <= most || block.points.length === 1;
        const inside = block.points.every((at) => isWithin(points[at] as Extent, block));
        const pieces = readsOf(block, bounds);
        const piecesFit = pieces.every(({ count }) => count >= 1 && count <= most);
        const whole = pieces.reduce((sum, { count }) => sum + count, 0) === block.count;
        return isLegal && inside && piecesFit && whole && isReadable(block, points, bounds);
      });
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('never takes the wire longer than contiguous reads only, or one read for each point', async (t) => {
  fc.assert(
    fc.property(extents, anyLimits, (points, bounds) => {
      const planned = costOfPlan(planReads(points, bounds), bounds);
      const contiguous = costOfPlan(planReads(points, { ...bounds, maxGap: 0, costOf: () => 1 }), bounds);
      const single = costOfPlan(points, bounds);
      return planned <= contiguous + 1e-6 && planned <= single + 1e-6;
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('costs as little as the best of all ways to group the points', async (t) => {
  const few = fc.array(fc.record({ offset: fc.integer({ min: 0, max: 40 }), count: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 7,
  });
  fc.assert(
    fc.property(few, anyLimits, (raw, any) => {
      const bounds = { ...any, maxRegisters: Math.max(4, any.maxRegisters) };
      const points = raw.map(({ offset, count }) => holding(offset, count));
      return Math.abs(costOfPlan(planReads(points, bounds), bounds) - cheapest(points, bounds)) < 1e-6;
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('plans ten thousand scattered bits in no time that anybody notices', async (t) => {
  const points = Array.from({ length: 10_000 }, (_, i): Extent => ({ area: 'coil', offset: i * 3, count: 1 }));
  const began = process.cpuUsage();
  t.equal(planReads(points, planLimits({ maxGap: 125, costOf: line(9_600, 10) })).length, 15);
  const { user } = process.cpuUsage(began);
  t.ok(user < 1_500_000, `${user} µs`);
});

function costOfPlan(blocks: readonly Extent[], bounds: PlanLimits): number {
  return blocks.flatMap((block) => readsOf(block, bounds)).reduce((sum, read) => sum + bounds.costOf(read), 0);
}

function isWithin(inner: Extent, outer: Extent): boolean {
  return (
    inner.area === outer.area &&
    inner.offset >= outer.offset &&
    inner.offset + inner.count <= outer.offset + outer.count
  );
}

/** What a read touches that no point wants is neither too much in one place nor forbidden. */
function isReadable(read: Extent, points: readonly Extent[], bounds: PlanLimits): boolean {
  const most = isBitArea(read.area) ? bounds.maxBits : bounds.maxRegisters;
  const maxGap = isBitArea(read.area) ? bounds.maxGap * 16 : bounds.maxGap;
  let gap = 0;
  for (let offset = read.offset; offset < read.offset + read.count; offset++) {
    const here = { area: read.area, offset, count: 1 };
    if (points.some((point) => point.count <= most && overlap(point, here))) {
      gap = 0;
      continue;
    }
    // A point wider than a request is read by itself, so nothing else is known of its place.
    if (points.some((point) => overlap(point, here)) && read.count > most) continue;
    if (++gap > maxGap || bounds.forbidden.some((extent) => overlap(extent, here))) return false;
  }
  return true;
}

/** The price of the cheapest plan, by trying every way to put the points into reads. */
function cheapest(points: readonly Extent[], bounds: PlanLimits): number {
  let best = Number.POSITIVE_INFINITY;
  const place = (index: number, reads: Extent[][]): void => {
    const point = points[index];
    if (point === undefined) {
      const spans = reads.map(spanOf);
      if (spans.every((span) => span.count <= bounds.maxRegisters && isReadable(span, points, bounds))) {
        best = Math.min(best, costOfPlan(spans, bounds));
      }
      return;
    }
    for (const read of reads) {
      read.push(point);
      place(index + 1, reads);
      read.pop();
    }
    reads.push([point]);
    place(index + 1, reads);
    reads.pop();
  };
  place(0, []);
  return best;
}

function spanOf(points: readonly Extent[]): Extent {
  const offset = Math.min(...points.map((point) => point.offset));
  return holding(offset, Math.max(...points.map((point) => point.offset + point.count)) - offset);
}
