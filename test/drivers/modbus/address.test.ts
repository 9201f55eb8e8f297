import fc from 'fast-check';
import t from 'tap';
import { ModbusAddressError, parseModbusAddress } from '../../../src/drivers/modbus/address.ts';

t.test('reads every way of writing an address as the same zero-based place', async (t) => {
  const table: [string, string, number][] = [
    ['40001', 'holding', 0],
    ['49999', 'holding', 9998],
    ['400001', 'holding', 0],
    ['465536', 'holding', 65535],
    ['30001', 'input', 0],
    ['300100', 'input', 99],
    ['10001', 'discrete', 0],
    ['165536', 'discrete', 65535],
    ['00001', 'coil', 0],
    ['000001', 'coil', 0],
    ['065536', 'coil', 65535],
    ['4x1', 'holding', 0],
    ['4X00012', 'holding', 11],
    ['3x0005', 'input', 4],
    ['HR:0', 'holding', 0],
    ['hr:7', 'holding', 7],
    ['HR12', 'holding', 12],
    ['H:12', 'holding', 12],
    ['holding:65535', 'holding', 65535],
    ['HR:0x10', 'holding', 16],
    ['hr:0XffFF', 'holding', 65535],
    ['IR:3', 'input', 3],
    ['DI:0', 'discrete', 0],
    ['CO:9', 'coil', 9],
    [' 40001 ', 'holding', 0],
  ];
  for (const [text, area, offset] of table) {
    t.strictSame(parseModbusAddress(text), { unit: null, area, offset, part: null, byteOrder: null }, text);
  }
});

t.test('reads unit, bit, length and byte order around the address', async (t) => {
  const table: [string, Partial<ReturnType<typeof parseModbusAddress>>][] = [
    ['1!400001', { unit: 1, area: 'holding', offset: 0 }],
    ['255!HR:5', { unit: 255, offset: 5 }],
    ['0!30001', { unit: 0, area: 'input' }],
    ['1!400010.4', { unit: 1, offset: 9, part: 4 }],
    ['HR:3.15', { offset: 3, part: 15 }],
    ['HR:0x1F.3', { offset: 31, part: 3 }],
    ['1!400001.10H', { part: 10, byteOrder: 'ABCD' }],
    ['1!400001.10L', { part: 10, byteOrder: 'BADC' }],
    ['1!400001.10', { part: 10, byteOrder: null }],
    ['40001#CDAB', { byteOrder: 'CDAB' }],
    ['40001#ba', { byteOrder: 'BADC' }],
    ['40001.4#DCBA', { part: 4, byteOrder: 'DCBA' }],
    ['40001#DCBA.4', { part: 4, byteOrder: 'DCBA' }],
  ];
  for (const [text, expected] of table) t.match(parseModbusAddress(text), expected, text);
});

t.test('refuses what is no address and says what would be right', async (t) => {
  const table: [string, RegExp][] = [
    ['', /such as 40001/],
    ['foo', /such as 40001/],
    ['XX:3', /such as 40001/],
    ['HR:', /such as 40001/],
    ['HR:-1', /such as 40001/],
    ['HR:1.5.2', /one bit or one length/],
    ['constructor:1', /such as 40001/],
    ['7', /HR:7; a coil needs its zeros: 00007/],
    ['4000001', /such as 40001/],
    ['40000', /40001 to 49999/],
    ['400000', /400001 to 465536/],
    ['465537', /400001 to 465536/],
    ['30000', /30001 to 39999/],
    ['20001', /begins with 4/],
    ['90001', /begins with 4/],
    ['HR:65536', /HR:0 to HR:65535/],
    ['HR:0x10000', /HR:0 to HR:65535/],
    ['256!40001', /unit from 0 to 255/],
    ['40001#BB', /#ABCD/],
    ['40001#BL', /#ABCD/],
    ['40001.10D', /two characters/],
    ['40001.3#ABCD.4', /one bit or one length/],
    ['ns=2;s=Pump', /such as 40001/],
    ['%MW100', /^HR:100, where most controllers serve %MW100, or .*such as 40001/],
    ['%mw0100', /^HR:100, /],
    ['MW100', /^HR:100, /],
    ['3!%MW7.4', /^3!HR:7\.4, /],
    ['%QW5', /^HR:5, /],
    ['%IW2', /^IR:2, /],
    ['%M3', /^CO:3, /],
    ['%Q3', /^CO:3, /],
    ['%I3', /^DI:3, /],
    ['%M3.1', /^a register such as 40001/],
    ['%MW70000', /^a register such as 40001/],
    ['%MD4', /^a register such as 40001/],
    ['0x10', /^HR:0x10 \(input registers IR:0x10, coils CO:0x10, discrete inputs DI:0x10\)/],
    ['0x10000', /^a register such as 40001/],
  ];
  for (const [text, message] of table) {
    t.throws(() => parseModbusAddress(text), { name: 'ModbusAddressError', message }, `"${text}"`);
  }
});

t.test('never throws anything else, and never gives a place outside its area', async (t) => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9A-Fa-fxXHRIDCO:!.#]{0,12}$/));
  fc.assert(
    fc.property(text, (address) => {
      try {
        const { offset, unit } = parseModbusAddress(address);
        return (
          Number.isInteger(offset) && offset >= 0 && offset <= 65_535 && (unit === null || (unit >= 0 && unit <= 255))
        );
      } catch (error) {
        return error instanceof ModbusAddressError;
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
