import t from 'tap';
import type { ByteOrder, DataType, TagValue } from '../../src/model/tag.ts';
import { registerCount, writeBit, writeRegisters } from '../../src/simulate/register-codec.ts';

const VALUES: readonly [DataType, ByteOrder, TagValue, string][] = [
  ['float32', 'ABCD', 230.5, '43668000'],
  ['float32', 'CDAB', 230.5, '80004366'],
  ['float32', 'BADC', 230.5, '66430080'],
  ['float32', 'DCBA', 230.5, '00806643'],
  ['float64', 'ABCD', 1.5, '3ff8000000000000'],
  ['float64', 'CDAB', 1.5, '0000000000003ff8'],
  ['int16', 'ABCD', -2, 'fffe'],
  ['int16', 'CDAB', 0x1234, '1234'],
  ['int16', 'BADC', 0x1234, '3412'],
  ['uint16', 'DCBA', 0x1234, '3412'],
  ['int32', 'ABCD', -2, 'fffffffe'],
  ['uint32', 'CDAB', 0x12345678, '56781234'],
  ['uint32', 'BADC', 0x12345678, '34127856'],
  ['uint64', 'ABCD', 0x0102030405060708n, '0102030405060708'],
  ['uint64', 'CDAB', 0x0102030405060708n, '0708050603040102'],
  ['uint64', 'BADC', 0x0102030405060708n, '0201040306050807'],
  ['uint64', 'DCBA', 0x0102030405060708n, '0807060504030201'],
  ['int64', 'ABCD', -1, 'ffffffffffffffff'],
  ['int8', 'ABCD', -2, 'fffe'],
  ['uint8', 'ABCD', 200, '00c8'],
  ['bool', 'ABCD', true, '0001'],
  // Beyond what a register holds: the device shows its limit.
  ['uint16', 'ABCD', 70_000, 'ffff'],
  ['int16', 'ABCD', -40_000, '8000'],
];

t.test('values stand in registers as their type and byte order say', async (t) => {
  for (const [type, byteOrder, value, bytes] of VALUES) {
    const registers = new Uint16Array(4);
    writeRegisters(registers, 0, value ?? 0, { type, byteOrder, length: null });
    const text = [...registers.subarray(0, registerCount(type, null))]
      .map((register) => register.toString(16).padStart(4, '0'))
      .join('');
    t.equal(text, bytes, `${type} ${byteOrder} ${value}`);
  }
});

t.test('texts stand two characters to a register and end in NUL', async (t) => {
  const registers = new Uint16Array(3).fill(0xffff);
  writeRegisters(registers, 0, 'PO-7', { type: 'string', byteOrder: 'ABCD', length: 6 });
  t.same([...registers], [0x504f, 0x2d37, 0]);
  writeRegisters(registers, 0, 'PO-7', { type: 'string', byteOrder: 'BADC', length: 6 });
  t.same([...registers], [0x4f50, 0x372d, 0]);
  t.equal(registerCount('string', 5), 3);
});

t.test('bits are set and cleared without touching their neighbours', async (t) => {
  const registers = Uint16Array.of(0x0101, 0x8000);
  writeBit(registers, 0, true, { type: 'uint16', byteOrder: 'ABCD', bit: 3 });
  t.same([...registers], [0x0109, 0x8000]);
  writeBit(registers, 0, false, { type: 'uint16', byteOrder: 'ABCD', bit: 0 });
  t.same([...registers], [0x0108, 0x8000]);
  writeBit(registers, 0, true, { type: 'uint32', byteOrder: 'ABCD', bit: 0 });
  t.same([...registers], [0x0108, 0x8001], 'bit 0 of a 32-bit value is in its last register');
  writeBit(registers, 0, false, { type: 'uint16', byteOrder: 'BADC', bit: 0 });
  t.same([...registers], [0x0008, 0x8001], 'bytes swapped: bit 0 is in the first byte');
});
