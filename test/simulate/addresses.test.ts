import t from 'tap';
import { parseModbusAddress as readByDriver } from '../../src/drivers/modbus/address.ts';
import type { ByteOrder } from '../../src/model/tag.ts';
import { type ModbusArea, parseModbusAddress } from '../../src/simulate/modbus-address.ts';
import { parseOpcUaAddress } from '../../src/simulate/opcua-address.ts';

t.test('Modbus addresses', async (t) => {
  const table: Record<string, [ModbusArea, number, number | null, number | null, ByteOrder?]> = {
    '40001': ['holding', 0, null, null],
    '400001': ['holding', 0, null, null],
    '30071': ['input', 70, null, null],
    '10001': ['discrete', 0, null, null],
    '00001': ['coil', 0, null, null],
    '465536': ['holding', 65_535, null, null],
    'HR:0': ['holding', 0, null, null],
    'IR:12': ['input', 12, null, null],
    'CO:3': ['coil', 3, null, null],
    'DI:7': ['discrete', 7, null, null],
    '1!400001': ['holding', 0, 1, null],
    '40010.4': ['holding', 9, null, 4],
    ' 17!HR:5.15 ': ['holding', 5, 17, 15],
    'hr:0x10': ['holding', 16, null, null],
    '4x1': ['holding', 0, null, null],
    '40001#CDAB': ['holding', 0, null, null, 'CDAB'],
    '1!400001.10L': ['holding', 0, 1, 10, 'BADC'],
  };
  for (const [text, [area, address, unit, part, byteOrder = null]] of Object.entries(table)) {
    t.same(parseModbusAddress(text), { area, address, unit, part, byteOrder }, text);
  }
  for (const text of [
    '',
    '40000',
    '465537',
    'HR:65536',
    '20001',
    'HR',
    'HR:-1',
    '300!40001',
    'ns=2;s=x',
    '40001.12345',
  ]) {
    t.equal(parseModbusAddress(text), null, `${text} is none`);
  }
  for (const text of Object.keys(table)) {
    const { unit, area, offset, part, byteOrder } = readByDriver(text);
    t.same(
      parseModbusAddress(text),
      { unit, area, address: offset, part, byteOrder },
      `the driver reads ${text} alike`,
    );
  }
});

t.test('OPC UA addresses', async (t) => {
  const node = (namespace: number | string, identifier: string) => ({ kind: 'node' as const, namespace, identifier });
  const table = {
    'ns=2;s=Pump.Speed': node(2, 's=Pump.Speed'),
    'i=2258': node(0, 'i=2258'),
    'ns=3;s="DB".speeds[3]': node(3, 's="DB".speeds[3]'),
    'nsu=http://vendor.com/a%3Bb;i=7': node('http://vendor.com/a;b', 'i=7'),
    '2!Pump.Speed': node(2, 's=Pump.Speed'),
    '2!17': node(2, 'i=17'),
    '/Objects/2:Pump/2:Speed': {
      kind: 'path',
      steps: [
        { namespace: 2, name: 'Pump' },
        { namespace: 2, name: 'Speed' },
      ],
    },
    '/Objects/2:A&/B': { kind: 'path', steps: [{ namespace: 2, name: 'A/B' }] },
  };
  for (const [text, expected] of Object.entries(table)) t.same(parseOpcUaAddress(text), expected, text);
  for (const text of [
    '',
    '40001',
    'ns=2;Pump',
    'ns=2;i=x',
    '/Types/0:X',
    '/Objects',
    'ns=2;i=5[3]',
    '/Objects/2:A[3]',
  ]) {
    t.equal(parseOpcUaAddress(text), null, `${text} is none`);
  }
});
