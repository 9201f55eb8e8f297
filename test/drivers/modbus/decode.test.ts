import fc from 'fast-check';
import t from 'tap';
import type { Area } from '../../../src/drivers/modbus/area.ts';
import { compileDecode, decodeBlock } from '../../../src/drivers/modbus/decode.ts';
import { planReads } from '../../../src/drivers/modbus/plan.ts';
import { type ModbusPoint, registerCount } from '../../../src/drivers/modbus/point.ts';
import { BYTE_ORDERS, type ByteOrder, type DataType, type TagValue } from '../../../src/model/tag.ts';
import { planLimits } from './plan-limits.ts';

type Form = Partial<Pick<ModbusPoint, 'bit' | 'bitCount' | 'length' | 'byteOrder'>> & { readonly area?: Area };

/** Decode one value that begins at a reply's first byte. */
function decode(type: DataType, bytes: readonly number[] | Uint8Array, form: Form = {}): TagValue {
  const length = form.length ?? null;
  const isBits = form.area === 'coil' || form.area === 'discrete';
  const point: ModbusPoint = {
    ...{ unit: 1, area: 'holding', offset: 100, type, byteOrder: 'ABCD', bit: null, bitCount: 0, length },
    ...{ count: isBits ? 1 : registerCount(type, length), ...form },
  };
  const blocks = planReads([point], planLimits({ maxGap: 0 }));
  const values: TagValue[] = [null];
  decodeBlock(compileDecode(blocks, [point], [0]), 0, Uint8Array.from(bytes), values);
  return values[0] ?? null;
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

t.test('decodes each type from its literal bytes, big endian', async (t) => {
  const table: [DataType, string, TagValue][] = [
    ['bool', '0000', false],
    ['bool', '0001', true],
    ['bool', '8000', true],
    ['int8', '12ff', -1],
    ['int8', '0080', -128],
    ['int8', 'ff7f', 127],
    ['uint8', '12ff', 255],
    ['int16', 'ffff', -1],
    ['int16', '8000', -32768],
    ['int16', '7fff', 32767],
    ['uint16', 'ffff', 65535],
    ['uint16', '0102', 258],
    ['int32', 'ffff ffff', -1],
    ['int32', '8000 0000', -2147483648],
    ['int32', '7fff ffff', 2147483647],
    ['uint32', 'ffff ffff', 4294967295],
    ['uint32', '0102 0304', 16909060],
    ['int64', 'ffff ffff ffff ffff', -1],
    ['int64', '001f ffff ffff ffff', 9007199254740991],
    ['int64', '0020 0000 0000 0000', 9007199254740992n],
    ['int64', '0020 0000 0000 0001', 9007199254740993n],
    ['int64', 'ffe0 0000 0000 0001', -9007199254740991],
    ['int64', 'ffe0 0000 0000 0000', -9007199254740992n],
    ['int64', '8000 0000 0000 0000', -9223372036854775808n],
    ['int64', '7fff ffff ffff ffff', 9223372036854775807n],
    ['uint64', '0000 0001 0000 0000', 4294967296],
    ['uint64', 'ffff ffff ffff ffff', 18446744073709551615n],
    ['float32', '3f80 0000', 1],
    ['float32', '4048 f5c3', Math.fround(3.14)],
    ['float32', '7f80 0000', Number.POSITIVE_INFINITY],
    ['float32', 'ff80 0000', Number.NEGATIVE_INFINITY],
    ['float32', '7fc0 0000', Number.NaN],
    ['float32', '8000 0000', -0],
    ['float32', '0000 0001', 1.401298464324817e-45],
    ['float64', '4009 21fb 5444 2d18', Math.PI],
    ['float64', '7ff0 0000 0000 0000', Number.POSITIVE_INFINITY],
    ['float64', 'fff0 0000 0000 0000', Number.NEGATIVE_INFINITY],
    ['float64', '7ff8 0000 0000 0000', Number.NaN],
    ['float64', '8000 0000 0000 0000', -0],
  ];
  for (const [type, bytes, expected] of table) {
    const value = decode(type, hex(bytes));
    t.ok(Object.is(value, expected), `${type} ${bytes}: ${String(value)} is ${String(expected)}`);
  }
});

t.test('decodes the four byte orders', async (t) => {
  const table: [DataType, ByteOrder, string, TagValue][] = [
    ['uint16', 'ABCD', '0102', 0x0102],
    ['uint16', 'CDAB', '0102', 0x0102],
    ['uint16', 'BADC', '0102', 0x0201],
    ['uint16', 'DCBA', '0102', 0x0201],
    ['int8', 'BADC', 'ff12', -1],
    ['uint32', 'ABCD', '0a0b 0c0d', 0x0a0b0c0d],
    ['uint32', 'CDAB', '0c0d 0a0b', 0x0a0b0c0d],
    ['uint32', 'BADC', '0b0a 0d0c', 0x0a0b0c0d],
    ['uint32', 'DCBA', '0d0c 0b0a', 0x0a0b0c0d],
    ['float32', 'CDAB', 'f5c3 4048', Math.fround(3.14)],
    ['float32', 'BADC', '4840 c3f5', Math.fround(3.14)],
    ['float32', 'DCBA', 'c3f5 4840', Math.fround(3.14)],
    ['int64', 'ABCD', '0001 0203 0405 0607', 0x0001020304050607],
    ['int64', 'CDAB', '0607 0405 0203 0001', 0x0001020304050607],
    ['int64', 'BADC', '0100 0302 0504 0706', 0x0001020304050607],
    ['int64', 'DCBA', '0706 0504 0302 0100', 0x0001020304050607],
    ['float64', 'CDAB', '2d18 5444 21fb 4009', Math.PI],
    ['float64', 'BADC', '0940 fb21 4454 182d', Math.PI],
    ['float64', 'DCBA', '182d 4454 fb21 0940', Math.PI],
  ];
  for (const [type, byteOrder, bytes, expected] of table) {
    t.equal(decode(type, hex(bytes), { byteOrder }), expected, `${type} ${byteOrder}`);
  }
});

t.test('takes bits of registers and of wider values, 0 being the least significant', async (t) => {
  const table: [DataType, ByteOrder, number, string, boolean][] = [
    ['uint16', 'ABCD', 0, '0001', true],
    ['uint16', 'ABCD', 15, '8000', true],
    ['bool', 'ABCD', 8, '0100', true],
    ['bool', 'ABCD', 8, 'feff', false],
    ['uint16', 'BADC', 0, '0100', true],
    ['uint32', 'ABCD', 0, '0000 0001', true],
    ['uint32', 'ABCD', 16, '0001 0000', true],
    ['uint32', 'CDAB', 16, '0000 0001', true],
    ['uint32', 'DCBA', 31, '0000 0080', true],
    ['uint64', 'ABCD', 63, '8000 0000 0000 0000', true],
    ['uint64', 'CDAB', 63, '0000 0000 0000 8000', true],
    ['int8', 'ABCD', 7, '0080', true],
  ];
  for (const [type, byteOrder, bit, bytes, expected] of table) {
    t.equal(decode(type, hex(bytes), { byteOrder, bit }), expected, `${type} ${byteOrder} bit ${bit}`);
  }
});

t.test('decodes coils, the first in the lowest bit', async (t) => {
  const points = [0, 1, 7, 8, 15].map(
    (offset): ModbusPoint => ({
      ...{
        unit: 1,
        area: 'coil',
        offset: offset + 40,
        count: 1,
        type: 'bool',
        byteOrder: 'ABCD',
        bit: null,
        bitCount: 0,
        length: null,
      },
    }),
  );
  const blocks = planReads(points, planLimits());
  t.equal(blocks.length, 1);
  const values: TagValue[] = points.map(() => null);
  decodeBlock(compileDecode(blocks, points, [4, 3, 2, 1, 0]), 0, hex('81 80'), values);
  t.strictSame(values, [true, false, true, false, true]);
});

t.test('decodes strings up to the first NUL, without trailing blanks', async (t) => {
  const table: [string, number, ByteOrder, string][] = [
    ['4142 4300', 4, 'ABCD', 'ABC'],
    ['4142 4320', 4, 'ABCD', 'ABC'],
    ['4142 4344', 3, 'ABCD', 'ABC'],
    ['4142 4344', 4, 'CDAB', 'ABCD'],
    ['4241 4443', 4, 'BADC', 'ABCD'],
    ['4241 4443', 4, 'DCBA', 'ABCD'],
    ['4241 4443', 3, 'BADC', 'ABC'],
    ['0000 4142', 4, 'ABCD', ''],
    ['c2b0 4300', 4, 'ABCD', '°C'],
    ['b043 0000', 4, 'ABCD', '°C'],
    ['2041 0000', 4, 'ABCD', ' A'],
  ];
  for (const [bytes, length, byteOrder, expected] of table) {
    t.equal(decode('string', hex(bytes), { length, byteOrder }), expected, `${bytes} ${length} ${byteOrder}`);
  }
});

const NUMBERS = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
] as const;

t.test('agrees with a DataView for every type, order and place in a plan', async (t) => {
  const pointOf = fc
    .record({
      type: fc.constantFrom(...NUMBERS),
      order: fc.constantFrom(...BYTE_ORDERS),
      offset: fc.integer({ min: 0, max: 60 }),
    })
    .map(
      ({ type, order, offset }): ModbusPoint => ({
        ...{ unit: 1, area: 'holding', offset, count: registerCount(type, null), type, byteOrder: order },
        ...{ bit: null, bitCount: 0, length: null },
      }),
    );
  const memory = fc.uint8Array({ minLength: 130, maxLength: 130 });
  fc.assert(
    fc.property(fc.array(pointOf, { minLength: 1, maxLength: 20 }), memory, (points, bytes) => {
      const blocks = planReads(points, planLimits({ maxRegisters: 16, maxBits: 16, maxGap: 3 }));
      const values: TagValue[] = points.map(() => null);
      const program = compileDecode(
        blocks,
        points,
        points.map((_, i) => i),
      );
      for (const [index, { offset, count }] of blocks.entries()) {
        decodeBlock(program, index, bytes.subarray(offset * 2, (offset + count) * 2), values);
      }
      return points.every((point, i) => Object.is(values[i], naive(bytes, point)));
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

/** The bytes put into big-endian order one by one, then a DataView. */
function naive(memory: Uint8Array, { offset, count, type, byteOrder }: ModbusPoint): TagValue {
  const words: number[][] = [];
  for (let i = 0; i < count; i++) words.push([memory[(offset + i) * 2] ?? 0, memory[(offset + i) * 2 + 1] ?? 0]);
  if (byteOrder === 'CDAB' || byteOrder === 'DCBA') words.reverse();
  if (byteOrder === 'BADC' || byteOrder === 'DCBA') for (const word of words) word.reverse();
  const bytes = Uint8Array.from(words.flat());
  const view = new DataView(bytes.buffer);
  const narrow = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
  switch (type) {
    case 'int8':
      return view.getInt8(1);
    case 'uint8':
      return view.getUint8(1);
    case 'int16':
      return view.getInt16(0);
    case 'uint16':
      return view.getUint16(0);
    case 'int32':
      return view.getInt32(0);
    case 'uint32':
      return view.getUint32(0);
    case 'int64':
      return narrow(view.getBigInt64(0));
    case 'uint64':
      return narrow(view.getBigUint64(0));
    case 'float32':
      return view.getFloat32(0);
    default:
      return view.getFloat64(0);
  }
}

t.test('decodes half floats, decimal digits and fields of bits', async (t) => {
  const halves: [string, number][] = [
    ['3c00', 1],
    ['c000', -2],
    ['7bff', 65_504],
    ['0001', 2 ** -24],
    ['03ff', 1023 * 2 ** -24],
    ['0400', 2 ** -14],
    ['8000', -0],
    ['7c00', Number.POSITIVE_INFINITY],
    ['7e00', Number.NaN],
    ['3555', 0.333251953125],
  ];
  for (const [bytes, value] of halves) t.ok(Object.is(decode('float16', hex(bytes)), value), `${bytes} is ${value}`);
  t.equal(decode('float16', hex('003c'), { byteOrder: 'BADC' }), 1);
  t.equal(decode('bcd16', hex('1234')), 1234);
  t.equal(decode('bcd16', hex('3412'), { byteOrder: 'BADC' }), 1234);
  t.equal(decode('bcd32', hex('00123456')), 123_456);
  t.equal(decode('bcd32', hex('34560012'), { byteOrder: 'CDAB' }), 123_456);
  for (const bytes of ['123a', 'f000']) t.equal(decode('bcd16', hex(bytes)), null, 'a digit above 9 is no number');
  t.equal(decode('uint16', hex('0b74'), { bit: 4, bitCount: 3 }), 7);
  t.equal(decode('uint16', hex('740b'), { bit: 4, bitCount: 3, byteOrder: 'BADC' }), 7);
  t.equal(decode('uint16', hex('ffff'), { bit: 0, bitCount: 16 }), 65_535);
  t.equal(decode('uint32', hex('00018000'), { bit: 15, bitCount: 2 }), 3, 'across two registers');
  t.equal(decode('uint32', hex('80000001'), { bit: 15, bitCount: 2, byteOrder: 'CDAB' }), 3);
  t.equal(decode('uint32', hex('ffffffff'), { bit: 0, bitCount: 32 }), 4_294_967_295);
  t.equal(decode('uint64', hex('0000000100000000'), { bit: 32, bitCount: 8 }), 1);
});
