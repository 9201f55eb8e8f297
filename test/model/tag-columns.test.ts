import fc from 'fast-check';
import t from 'tap';
import { DATA_TYPES, DEADBAND_TYPES, LANES, type TagDefinition } from '../../src/model/tag.ts';
import { TagColumns, TagSelection } from '../../src/model/tag-columns.ts';

const limit = fc.option(fc.constantFrom(0, 4000, -1.5), { nil: null });
const optional = fc.oneof(
  fc.constant({}),
  fc.constant({ curve: 'sqrt' as const }),
  fc.constantFrom({ texts: { 0: 'off', 1: 'running' } }, { texts: { 0: 'off' } }),
);
const tag: fc.Arbitrary<TagDefinition> = fc
  .record({
    device: fc.constantFrom('plc', 'oven'),
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    asset: fc.constantFrom('acme/line-1', 'acme/line-2'),
    address: fc.string({ unit: 'grapheme' }),
    type: fc.constantFrom(...DATA_TYPES),
    byteOrder: fc.constantFrom('ABCD' as const, 'DCBA' as const),
    bit: fc.constantFrom(null, 0, 3),
    length: fc.constantFrom(null, 8),
    access: fc.constantFrom('r' as const, 'rw' as const),
    scanMs: fc.constantFrom(100, 1000),
    scale: fc.constantFrom(1, 0.1),
    offset: fc.constantFrom(0, -40),
    rawLow: limit,
    rawHigh: limit,
    engLow: limit,
    engHigh: limit,
    unit: fc.constantFrom('', '°C'),
    deadband: fc.constantFrom(0, 0.5),
    deadbandType: fc.constantFrom(...DEADBAND_TYPES),
    lane: fc.constantFrom(...LANES),
    description: fc.string({ unit: 'grapheme' }),
  })
  .chain((required) => optional.map((more) => ({ ...required, ...more })));

t.test('tag columns give back every tag as it was, in order, before and after they are sealed', async (t) => {
  fc.assert(
    fc.property(fc.array(tag, { maxLength: 400, size: 'max' }), (tags) => {
      const columns = new TagColumns();
      for (const one of tags) columns.push(one);
      t.strictSame([...columns], tags);
      columns.seal();
      t.strictSame([...columns], tags);
      t.equal(columns.length, tags.length);
      t.equal(columns.at(tags.length), undefined);
      for (const one of tags) columns.push(one);
      t.strictSame([...columns], [...tags, ...tags], 'and take more after all');
    }),
    { numRuns: 20 },
  );
});

t.test('a selection has the tags at its places alone', async (t) => {
  fc.assert(
    fc.property(fc.array(tag, { minLength: 1, maxLength: 20 }), fc.array(fc.nat(19)), (tags, some) => {
      const columns = new TagColumns();
      for (const one of tags) columns.push(one);
      const places = some.filter((place) => place < tags.length);
      const selection = new TagSelection(columns, places);
      t.strictSame([...selection], [...places.map((place) => tags[place])]);
      t.equal(selection.length, places.length);
      t.equal(selection.at(places.length), undefined);
    }),
    { numRuns: 50 },
  );
});
