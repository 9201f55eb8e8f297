import fc from 'fast-check';
import t from 'tap';
import { fromDecimals, toDecimals } from '../../src/model/decimal-column.ts';

const cases: readonly [string, Float32Array | Float64Array, unknown][] = [
  ['two decimals', Float64Array.of(71.23, -0.5, 0), [2, 8, Int16Array.of(7123, -50, 0)]],
  ['more than 16 bits', Float64Array.of(2999.99, -1), [2, 8, Uint16Array.of(37_855, 65_436), Int8Array.of(4, -1)]],
  ['more than 24 bits', Float64Array.of(123_456.78), [2, 8, Uint16Array.of(24_910), Int16Array.of(188)]],
  ['an absent value', Float64Array.of(Number.NaN, 1.5), [1, 8, Int16Array.of(-32_768, 15)]],
  ['an absent one of 24', Float64Array.of(Number.NaN, 7e4), [0, 8, Uint16Array.of(0, 4464), Int8Array.of(-128, 1)]],
  [
    'an absent one of 32',
    Float64Array.of(Number.NaN, 9e6),
    [0, 8, Uint16Array.of(0, 21_568), Int16Array.of(-32_768, 137)],
  ],
  [
    'the lowest integer is for absent values',
    Float64Array.of(-3276.8),
    [1, 8, Uint16Array.of(32_768), Int8Array.of(-1)],
  ],
  ['single precision', Float32Array.of(71.23), [2, 4, Int16Array.of(7123)]],
  ['nothing but absent values', Float64Array.of(Number.NaN), [0, 8, Int16Array.of(-32_768)]],
  ['nothing', new Float64Array(0), [0, 8, new Int16Array(0)]],
  ['a third is no decimal', Float64Array.of(1.5, 1 / 3), null],
  ['negative zero is kept as it is', Float64Array.of(-0, 1), null],
  ['infinity', Float64Array.of(Number.POSITIVE_INFINITY), null],
  ['too long', Float64Array.of(123_456_789.01), null],
  ['one long and one fine value', Float64Array.of(1e6, 0.000_01), null],
];
for (const [what, values, expected] of cases) {
  t.test(what, async (t) => {
    const column = toDecimals(values);
    t.strictSame(column, expected);
    if (column !== null) t.strictSame(fromDecimals(column), values);
  });
}

t.test('every float comes back bit by bit, or is left alone', async (t) => {
  const decimal = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 9 })).map(([int, places]) => int / 10 ** places);
  const doubles = fc.oneof(fc.array(decimal), fc.array(fc.oneof(decimal, fc.double())), fc.array(fc.double()));
  fc.assert(
    fc.property(doubles, fc.boolean(), (numbers, isSingle) => {
      const values = isSingle ? Float32Array.from(numbers) : Float64Array.from(numbers);
      const column = toDecimals(values);
      if (column === null) return true;
      const back = fromDecimals(column);
      return (
        back?.constructor === values.constructor &&
        back.length === values.length &&
        values.every((value, i) => Object.is(value, back[i]))
      );
    }),
  );
  t.pass('as said');
});

t.test('what is no decimal column is not taken for one', async (t) => {
  for (const other of [
    null,
    Float64Array.of(1),
    [1, 2, 3],
    [10, 8, Int16Array.of(1)],
    [1, 8, Uint8Array.of(1)],
    [1, 8, Uint16Array.of(1)],
    [1, 8, Uint16Array.of(1), Int8Array.of(1, 2)],
    [1, 8, Int16Array.of(1), Int8Array.of(1)],
    [1, 2, Int16Array.of(1)],
    [1.5, 8, Int16Array.of(1)],
    ['1', 8, Int16Array.of(1)],
  ])
    t.equal(fromDecimals(other), null);
});
