import fc from 'fast-check';
import t from 'tap';
import type { DataType, TagValue } from '../../src/model/tag.ts';
import { decodeCell, encodeCell, shortestFloat32 } from '../../src/simulate/series-csv.ts';
import { splitCsvLine } from '../../src/simulate/split-csv-line.ts';

const CELLS: readonly [TagValue, number, DataType, string][] = [
  [71.25, 0, 'float64', '71.25'],
  [Math.fround(230.1), 0, 'float32', '230.1'],
  [true, 0, 'bool', '1'],
  [false, 0, 'bool', '0'],
  [71.25, 0x40900000, 'float64', '71.25!40900000'],
  [null, 0x80310000, 'float32', '!80310000'],
  [9_007_199_254_740_993n, 0, 'uint64', '9007199254740993'],
  [-5, 0, 'int64', '-5'],
  ['PO-1', 0, 'string', 'PO-1'],
  ['', 0, 'string', '\\e'],
  ['stop!80310000', 0, 'string', 'stop\\!80310000'],
  ['a, "b"', 0, 'string', '"a, ""b"""'],
  [Number.NaN, 0, 'float64', 'NaN'],
  [Number.NEGATIVE_INFINITY, 0, 'float64', '-Infinity'],
  [-0, 0, 'float64', '-0'],
];

t.test('a cell is the shortest text that gives value and status back', async (t) => {
  for (const [value, status, type, text] of CELLS) {
    t.equal(encodeCell(value, status, type), text, text);
    t.same(decodeCell(splitCsvLine(text)[0] ?? '', type), { value, status }, `${text} back`);
  }
});

t.test('a cell that is no value of its type is refused', async (t) => {
  for (const [cell, type] of [
    ['x', 'float64'],
    ['2', 'bool'],
    ['1.5', 'int64'],
    ['1!8031', 'float64'],
    ['1!8031000g', 'float64'],
    ['  ', 'int16'],
  ] as const) {
    t.equal(decodeCell(cell, type), null, `${cell} as ${type}`);
  }
});

t.test('every text and status survives a row of a file', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 0xffffffff }), (text, status) => {
      const line = `0,${encodeCell(text, status, 'string')},7`;
      const cells = splitCsvLine(line);
      return (
        !line.includes('\n') &&
        cells.length === 3 &&
        t.same(decodeCell(cells[1] ?? '', 'string'), { value: text, status })
      );
    }),
    { numRuns: 300 },
  );
});

t.test('every 32-bit float and 64-bit float survives exactly', async (t) => {
  fc.assert(fc.property(fc.float(), (value) => Object.is(decodeCell(shortestFloat32(value), 'float32')?.value, value)));
  fc.assert(
    fc.property(fc.double(), (value) =>
      Object.is(decodeCell(encodeCell(value, 0, 'float64'), 'float64')?.value, value),
    ),
  );
  t.pass('as said');
});
