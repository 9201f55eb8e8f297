import fc from 'fast-check';
import t from 'tap';
import { compileDecode, decodeBlock } from '../../../src/drivers/modbus/decode.ts';
import { type Change, encodeChange } from '../../../src/drivers/modbus/encode.ts';
import { type ModbusPoint, pointOf } from '../../../src/drivers/modbus/point.ts';
import { BYTE_ORDERS, type DataType, type TagDefinition, type TagValue } from '../../../src/model/tag.ts';
import { tag } from '../../support/tag.ts';

const at = (type: DataType, over: Partial<TagDefinition> = {}) =>
  pointOf(tag('x', { address: 'HR:0', type, ...over }), 1);

/** Carry a change out on registers, and read the point back. */
function readBack(point: ModbusPoint, change: Change, before = 0xa5a5): { value: TagValue; registers: Buffer } {
  const registers = Buffer.alloc(point.count * 2);
  for (let i = 0; i < point.count; i++) registers.writeUInt16BE(before, i * 2);
  if (change.kind === 'registers') registers.set(change.bytes, (change.offset - point.offset) * 2);
  if (change.kind === 'bits') {
    const place = (change.offset - point.offset) * 2;
    registers.writeUInt16BE((registers.readUInt16BE(place) & ~change.mask) | change.bits, place);
  }
  const values: TagValue[] = [];
  decodeBlock(compileDecode([{ ...point, points: [0] }], [point], [0]), 0, registers, values);
  return { value: values[0] ?? null, registers };
}

const integers: [DataType, bigint, bigint][] = [
  ['int8', -128n, 127n],
  ['uint8', 0n, 255n],
  ['int16', -32_768n, 32_767n],
  ['uint16', 0n, 65_535n],
  ['int32', -(2n ** 31n), 2n ** 31n - 1n],
  ['uint32', 0n, 2n ** 32n - 1n],
  ['int64', -(2n ** 63n), 2n ** 63n - 1n],
  ['uint64', 0n, 2n ** 64n - 1n],
];

t.test('what is written in any type and order is what is read', async (t) => {
  const orders = fc.constantFrom(...BYTE_ORDERS);
  for (const [type, min, max] of integers) {
    fc.assert(
      fc.property(fc.bigInt({ min, max }), orders, (value, byteOrder) => {
        const point = at(type, { byteOrder });
        const change = encodeChange(point, value);
        return typeof change !== 'string' && BigInt(readBack(point, change).value as number) === value;
      }),
    );
  }
  const numbers: [DataType, fc.Arbitrary<number>][] = [
    ['float32', fc.float({ noNaN: true, noDefaultInfinity: true })],
    ['float64', fc.double({ noNaN: true, noDefaultInfinity: true })],
  ];
  for (const [type, values] of numbers) {
    fc.assert(
      fc.property(values, orders, (value, byteOrder) => {
        const point = at(type, { byteOrder });
        const change = encodeChange(point, value);
        return typeof change !== 'string' && Object.is(readBack(point, change).value, value);
      }),
    );
  }
  t.pass();
});

t.test('half floats, decimal digits and fields of bits are written as they are read', async (t) => {
  for (const byteOrder of BYTE_ORDERS) {
    const half = at('float16', { byteOrder });
    fc.assert(
      fc.property(fc.nat(0xffff), (bits) => {
        const registers = Buffer.alloc(2);
        registers.writeUInt16BE(bits);
        const decoded: TagValue[] = [];
        const plain = at('float16');
        decodeBlock(compileDecode([{ ...plain, points: [0] }], [plain], [0]), 0, registers, decoded);
        const value = decoded[0] as number;
        const change = encodeChange(half, value);
        if (!Number.isFinite(value)) return change === 'range';
        return typeof change !== 'string' && Object.is(readBack(half, change).value, value);
      }),
    );
    for (const [type, value] of [
      ['bcd16', 9_999],
      ['bcd16', 7],
      ['bcd32', 12_345_678],
      ['bcd32', 0],
    ] as const) {
      const point = at(type, { byteOrder });
      t.equal(readBack(point, encodeChange(point, value) as Change).value, value);
    }
    const field = at('uint16', { byteOrder, bit: 7, length: 4 });
    const { value, registers } = readBack(field, encodeChange(field, 10) as Change, 0);
    t.equal(value, 10);
    const ones = [...registers].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    t.equal(ones, 2, 'nothing but the field has changed');
  }
  t.equal(encodeChange(at('float16'), 65_520), 'range');
  t.equal(readBack(at('float16'), encodeChange(at('float16'), 1 / 3) as Change).value, 0.333251953125);
  t.equal(encodeChange(at('bcd16'), 10_000), 'range');
  t.equal(encodeChange(at('bcd16'), -1), 'range');
  t.equal(encodeChange(at('uint16', { bit: 7, length: 4 }), 16), 'range');
  t.equal(encodeChange(at('uint32', { bit: 15, length: 2 }), 1), 'place', 'not in one register');
});

t.test('a bit and a byte leave the rest of their register alone', async (t) => {
  for (const byteOrder of BYTE_ORDERS) {
    for (const [type, bit] of [
      ['uint16', 3],
      ['uint32', 3],
      ['uint32', 19],
      ['uint64', 50],
    ] as const) {
      for (const isOn of [true, false]) {
        const point = at(type, { byteOrder, bit });
        const change = encodeChange(point, isOn) as Change;
        const { value, registers } = readBack(point, change, isOn ? 0 : 0xffff);
        t.equal(value, isOn, `${type} bit ${bit} ${byteOrder}`);
        const ones = [...registers].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
        t.equal(ones, isOn ? 1 : point.count * 16 - 1, 'one bit has changed');
      }
    }
    const point = at('uint8', { byteOrder });
    const { value, registers } = readBack(point, encodeChange(point, 0x42) as Change, 0x1111);
    t.equal(value, 0x42);
    t.equal((registers[0] ?? 0) + (registers[1] ?? 0), 0x42 + 0x11, 'the other byte is as it was');
  }
});

t.test('texts are filled up, and what would be read otherwise is refused', async (t) => {
  for (const byteOrder of BYTE_ORDERS) {
    const point = at('string', { length: 7, byteOrder });
    for (const text of ['Größe', 'abc', '', '1234567']) {
      t.equal(readBack(point, encodeChange(point, text) as Change).value, text);
    }
    for (const text of ['12345678', 'Grüüüü', 'a\0b', 'end ']) t.equal(encodeChange(point, text), 'range', text);
  }
});

t.test('refuses what does not fit', async (t) => {
  for (const [type, min, max] of integers) {
    t.equal(encodeChange(at(type), min - 1n), 'range');
    t.equal(encodeChange(at(type), max + 1n), 'range');
    t.equal(encodeChange(at(type), 0.5), 'range');
    t.equal(encodeChange(at(type), Number.NaN), 'range');
    t.equal(encodeChange(at(type), '1'), 'type');
    t.equal(encodeChange(at(type), true), 'type');
    t.equal(encodeChange(at(type), null), 'type');
  }
  t.equal(encodeChange(at('float32'), 1e39), 'range');
  t.equal(encodeChange(at('float32'), Number.NaN), 'range');
  t.equal(encodeChange(at('float64'), Number.POSITIVE_INFINITY), 'range');
  t.equal(encodeChange(at('bool'), 2), 'type');
  t.equal(encodeChange(at('uint16', { bit: 3 }), 'on'), 'type');
  t.equal(encodeChange(at('bool', { address: 'DI:0' }), true), 'place');
  t.equal(encodeChange(at('uint16', { address: 'IR:0' }), 1), 'place');
  t.strictSame(encodeChange(at('bool', { address: 'CO:7' }), true), { kind: 'coil', offset: 7, isOn: true });
  t.strictSame(encodeChange(at('bool'), 1), { kind: 'registers', offset: 0, bytes: Uint8Array.of(0, 1) });
});
