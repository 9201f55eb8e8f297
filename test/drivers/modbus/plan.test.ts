import fc from 'fast-check';
import t from 'tap';
import { isBitArea } from '../../../src/drivers/modbus/area.ts';
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

const limits: PlanLimits = { maxRegisters: 125, maxBits: 2000, maxGap: 8 };
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
  t.strictSame(shape(planReads([holding(0), holding(3), holding(6)], limits, isForbidden)), [
    'holding 0+4',
    'holding 6+1',
  ]);
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
const anyLimits = fc.record({
  maxRegisters: fc.integer({ min: 1, max: 20 }),
  maxBits: fc.integer({ min: 1, max: 40 }),
  maxGap: fc.integer({ min: 0, max: 5 }),
});

t.test('covers every point once, by legal reads, never across a larger gap', async (t) => {
  fc.assert(
    fc.property(extents, anyLimits, (points, bounds) => {
      const blocks = planReads(points, bounds);
      const covered = blocks.flatMap((block) => block.points).sort((a, b) => a - b);
      if (covered.join() !== points.map((_, i) => i).join()) return false;
      return blocks.every((block) => {
        const most = isBitArea(block.area) ? bounds.maxBits : bounds.maxRegisters;
        const maxGap = isBitArea(block.area) ? bounds.maxGap * 16 : bounds.maxGap;
        const isLegal = block.count <= most || block.points.length === 1;
        const inside = block.points.every((at) => {
          const point = points[at] as Extent;
          return (
            point.area === block.area &&
            point.offset >= block.offset &&
            point.offset + point.count <= block.offset + block.count
          );
        });
        const pieces = readsOf(block, bounds);
        const piecesFit = pieces.every(({ count }) => count >= 1 && count <= most);
        const whole = pieces.reduce((sum, { count }) => sum + count, 0) === block.count;
        return isLegal && inside && piecesFit && whole && gapsOf(block, points).every(({ count }) => count <= maxGap);
      });
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('needs no more reads than the best of all ways to cut the points', async (t) => {
  const few = fc.array(fc.record({ offset: fc.integer({ min: 0, max: 30 }), count: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 7,
  });
  fc.assert(
    fc.property(few, fc.integer({ min: 4, max: 12 }), fc.integer({ min: 0, max: 4 }), (raw, maxRegisters, maxGap) => {
      const points = raw.map(({ offset, count }) => holding(offset, count));
      return (
        planReads(points, { maxRegisters, maxBits: 16, maxGap }).length === fewestReads(points, maxRegisters, maxGap)
      );
    }),
    { numRuns: 500 },
  );
  t.pass();
});

/** By trying every partition of the points into reads. */
function fewestReads(points: readonly Extent[], most: number, maxGap: number): number {
  const isLegal = (members: readonly Extent[]) => {
    const sorted = [...members].sort((a, b) => a.offset - b.offset);
    let end = sorted[0]?.offset ?? 0;
    const from = end;
    for (const { offset, count } of sorted) {
      if (offset - end > maxGap) return false;
      end = Math.max(end, offset + count);
    }
    return end - from <= most;
  };
  let best = points.length;
  const place = (index: number, reads: Extent[][]): void => {
    if (reads.length >= best && index < points.length) return;
    const point = points[index];
    if (point === undefined) {
      if (reads.every(isLegal)) best = Math.min(best, reads.length);
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
