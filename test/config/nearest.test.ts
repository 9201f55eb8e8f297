import fc from 'fast-check';
import t from 'tap';
import { editDistance, nearest } from '../../src/config/nearest.ts';

t.test('proposes what was probably meant', async (t) => {
  const known = ['host', 'port', 'unit_id', 'timeout_ms', 'float32'];
  for (const [word, expected] of [
    ['hots', 'host'],
    ['Port', 'port'],
    ['unitId', 'unit_id'],
    ['unit-id', 'unit_id'],
    ['timeout', 'timeout_ms'],
    ['flaot32', 'float32'],
    ['baud_rate', null],
    ['', null],
    ['x'.repeat(5000), null],
  ] as const) {
    t.equal(nearest(word, known), expected, word.slice(0, 20));
  }
});

t.test('counts one edit for a swap of neighbours', async (t) => {
  t.equal(editDistance('ab', 'ba'), 1);
  t.equal(editDistance('kitten', 'sitting'), 3);
  t.equal(editDistance('', 'abc'), 3);
});

t.test('is a distance: zero for equals alone, the same both ways, at most the longer length', async (t) => {
  const word = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      return (
        (distance === 0) === (a === b) && distance === editDistance(b, a) && distance <= Math.max(a.length, b.length)
      );
    }),
  );
  t.pass('as said');
});
