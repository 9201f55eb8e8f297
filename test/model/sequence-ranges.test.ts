import fc from 'fast-check';
import t from 'tap';
import { SequenceRanges } from '../../src/model/sequence-ranges.ts';

t.test('joins what overlaps or touches', async (t) => {
  const set = new SequenceRanges([{ first: 1, last: 3 }]);
  t.equal(set.add(5, 6), 2);
  t.equal(set.add(4, 4), 1);
  t.same(set.ranges, [{ first: 1, last: 6 }]);
  t.equal(set.add(2, 8), 2);
  t.equal(set.count, 8);
});

t.test('is a set of numbers, whatever is added and removed', async (t) => {
  const operation = fc.record({
    isAdd: fc.boolean(),
    first: fc.integer({ min: 1, max: 60 }),
    length: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40, size: 'max' }), (operations) => {
      const set = new SequenceRanges();
      const model = new Set<number>();
      for (const { isAdd, first, length } of operations) {
        const before = model.size;
        for (let i = first; i < first + length; i++) isAdd ? model.add(i) : model.delete(i);
        if (!isAdd) set.remove(first, first + length - 1);
        else if (set.add(first, first + length - 1) !== model.size - before) return false;
      }
      const members = set.ranges.flatMap(({ first, last }) =>
        Array.from({ length: last - first + 1 }, (_, i) => first + i),
      );
      const isApart = set.ranges.every((range, i) => i === 0 || range.first > (set.ranges[i - 1]?.last ?? 0) + 1);
      const holes = set.missing(1, 90).reduce((sum, { first, last }) => sum + last - first + 1, 0);
      return (
        isApart &&
        set.count === model.size &&
        members.every((member) => model.has(member) && set.has(member)) &&
        holes === 90 - model.size
      );
    }),
  );
  t.pass('as said');
});
