import fc from 'fast-check';
import t from 'tap';
import { topicMatches } from '../../../src/model/topic.ts';
import { covers, takes } from '../../../src/runtime/service-host/interest.ts';

t.test('covers', async (t) => {
  const table: readonly [declared: string, filter: string, is: boolean][] = [
    ['uns/v1/#', 'uns/v1/acme/line/_telemetry_v1/+', true],
    ['uns/v1/#', 'uns/v1/#', true],
    ['uns/v1/#', 'uns/v1', true],
    ['uns/v1/#', 'evt/v1/#', false],
    ['uns/v1/#', '#', false],
    ['uns/v1/#', 'uns/+/a', false],
    ['uns/v1/+/x', 'uns/v1/a/x', true],
    ['uns/v1/+/x', 'uns/v1/+/x', true],
    ['uns/v1/+/x', 'uns/v1/#', false],
    ['uns/v1/+/x', 'uns/v1/a/+', false],
    ['uns/v1/a', 'uns/v1/a/b', false],
    ['uns/v1/a', 'uns/v1/+', false],
    ['#', 'a/b', true],
  ];
  for (const [declared, filter, is] of table) t.equal(covers(declared, filter), is, `${declared} ${filter}`);
});

t.test('a filter that is covered matches no topic that the declared one does not', async (t) => {
  const level = fc.constantFrom('a', 'b', '+');
  const filter = fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/'));
  const topic = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));
  fc.assert(
    fc.property(
      filter,
      filter,
      topic,
      (declared, narrow, name) =>
        !covers(declared, narrow) || !topicMatches(narrow, name) || topicMatches(declared, name),
    ),
    { numRuns: 2_000 },
  );
  t.pass('as said');
});

t.test('own events come back only to a filter that names their type', async (t) => {
  t.equal(takes('evt/v1/#', 'evt/v1/a/my_type_v1', false), true);
  t.equal(takes('evt/v1/#', 'evt/v1/a/my_type_v1', true), false);
  t.equal(takes('evt/v1/a/+', 'evt/v1/a/my_type_v1', true), false);
  t.equal(takes('evt/v1/+/my_type_v1', 'evt/v1/a/my_type_v1', true), true);
});
