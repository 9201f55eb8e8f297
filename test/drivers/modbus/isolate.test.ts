import fc from 'fast-check';
import t from 'tap';
import { UNANSWERED } from '../../../src/drivers/modbus/failures.ts';
import { isolate } from '../../../src/drivers/modbus/isolate.ts';
import { type Block, type Extent, planReads } from '../../../src/drivers/modbus/plan.ts';
import { planLimits } from './plan-limits.ts';

const limits = planLimits();
const holding = (offset: number, count = 1): Extent => ({ area: 'holding', offset, count });

/** A unit that gives `exception` for every read that touches an illegal register. */
function unitWith(illegal: ReadonlySet<number>, exception: number, most = 125) {
  let reads = 0;
  const read = async ({ offset, count }: Block) => {
    reads++;
    if (count > most) return 3;
    for (let at = offset; at < offset + count; at++) if (illegal.has(at)) return exception;
    return 0;
  };
  return { read, reads: () => reads };
}

const blockOf = (points: readonly Extent[]): Block => {
  const [block] = planReads(points, limits);
  if (block === undefined) throw new Error('no block');
  return block;
};

t.test('finds exactly the points that cannot be read, whichever they are', async (t) => {
  const bad = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(bad, async (illegal) => {
      const points = Array.from({ length: 60 }, (_, i) => holding(i));
      const unit = unitWith(new Set(illegal), 2);
      const { refused, holes, limit } = await isolate(blockOf(points), 2, points, unit.read);
      const found = [...refused.keys()].sort((a, b) => a - b).join();
      return (
        found === illegal.sort((a, b) => a - b).join() && holes.length === 0 && limit === null && unit.reads() <= 120
      );
    }),
  );
  t.pass();
});

t.test('says what is to blame when no point is', async (t) => {
  const apart = [holding(0), holding(1), holding(5), holding(8)];
  const gap = await isolate(blockOf(apart), 2, apart, unitWith(new Set([3]), 2).read);
  t.strictSame([gap.refused.size, gap.holes, gap.limit], [0, [holding(2, 3)], null], 'a register between them');
  const many = Array.from({ length: 100 }, (_, i) => holding(i));
  const size = await isolate(blockOf(many), 3, many, unitWith(new Set(), 2, 30).read);
  t.strictSame([size.refused.size, size.holes, size.limit], [0, [], 25], 'the size of the request');
  const passed = await isolate(blockOf(many), 2, many, unitWith(new Set(), 2).read);
  t.strictSame([passed.refused.size, passed.holes, passed.limit], [0, [], null], 'nothing: the refusal has passed');
});

t.test('a failure of the device blames no point', async (t) => {
  const points = [holding(0), holding(1)];
  const { refused, failed } = await isolate(blockOf(points), 2, points, unitWith(new Set([1]), 4).read);
  t.strictSame([refused.size, [...failed]], [0, [[1, 4]]]);
});

t.test('of a block that failed, places are found as long as others can be read', async (t) => {
  const points = Array.from({ length: 120 }, (_, i) => holding(i));
  for (const bad of [[0], [119], [17, 64], [0, 30, 60, 90]]) {
    const unit = unitWith(new Set(bad), 4);
    const { refused, failed } = await isolate(blockOf(points), 4, points, unit.read);
    t.strictSame(
      [...refused].sort(([one], [other]) => one - other),
      bad.map((at) => [at, 4]),
      bad.join(),
    );
    t.equal(failed.size, 0);
  }
  const every = unitWith(new Set(Array.from({ length: 40 }, (_, i) => i * 3)), 4);
  const part = await isolate(blockOf(points), 4, points, every.read);
  t.ok(part.refused.size > 0 && part.failed.size > 0, 'some are named, the others are looked for another time');
  t.notOk(
    [...part.refused.keys()].some((at) => at % 3 !== 0),
    'none that can be read is blamed',
  );
  t.ok(every.reads() <= 64, `${every.reads()} reads`);
  const apart = [holding(0), holding(1), holding(5), holding(8)];
  const gap = await isolate(blockOf(apart), 4, apart, unitWith(new Set([3]), 4).read);
  t.strictSame([gap.refused.size, gap.holes], [0, [holding(2, 3)]], 'a register between them');
});

t.test('where all of a block fails no point is blamed, after a few reads', async (t) => {
  const points = Array.from({ length: 120 }, (_, i) => holding(i));
  const unit = unitWith(new Set(points.map(({ offset }) => offset)), 4);
  const { refused, failed, holes, limit } = await isolate(blockOf(points), 4, points, unit.read);
  t.strictSame([refused.size, failed.size, holes, limit], [0, 120, [], null]);
  t.ok(unit.reads() <= 12, `${unit.reads()} reads`);
});

t.test('does not search for ever where nothing is answered', async (t) => {
  const points = Array.from({ length: 120 }, (_, i) => holding(i));
  const unit = unitWith(new Set(Array.from({ length: 120 }, (_, i) => i)), UNANSWERED);
  const { refused } = await isolate(blockOf(points), UNANSWERED, points, unit.read);
  t.equal(refused.size, 120);
  t.ok(unit.reads() <= 12, `${unit.reads()} reads`);
});
