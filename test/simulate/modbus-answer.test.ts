import t from 'tap';
import { Status } from '../../src/model/quality.ts';
import type { TagDefinition } from '../../src/model/tag.ts';
import { answerModbus } from '../../src/simulate/modbus-answer.ts';
import { ModbusUnit, modbusPointOf } from '../../src/simulate/modbus-unit.ts';
import { makeTag } from './support.ts';

const unit = makeUnit(
  [
    makeTag({ name: 'a', address: 'HR:0', type: 'int16' }),
    makeTag({ name: 'b', address: 'HR:1', type: 'float32' }),
    makeTag({ name: 'c', address: 'IR:0', type: 'uint16' }),
    makeTag({ name: 'd', address: 'DI:0', type: 'bool' }),
    makeTag({ name: 'e', address: 'DI:8', type: 'bool' }),
    makeTag({ name: 'f', address: 'HR:65535', type: 'uint16' }),
    ...[1, 2, 3, 4, 5, 6, 7].map((bit) => makeTag({ name: `d${bit}`, address: `DI:${bit}`, type: 'bool' })),
  ],
  { identity: { vendor: 'Eastron', product: 'SDM630', version: 'V2' } },
);
unit.write(0, -2, Status.Good);
unit.write(1, 1.5, Status.Good);
unit.write(3, true, Status.Good);
unit.write(4, true, Status.Good);
for (let index = 5; index < 13; index++) unit.write(index, 0, Status.Good);

const TABLE: readonly [what: string, request: string, answer: string][] = [
  ['holding registers', '0300000003', '0306fffe3fc00000'],
  ['discrete inputs, low bit first', '0200000009', '02020101'],
  ['the last register', '03ffff0001', '03020000'],
  ['a register that no tag has', '0300000004', '8302'],
  ['an area that no tag has', '0100000001', '8102'],
  ['more than the area has', '03ffff0002', '8302'],
  ['no registers at all', '0300000000', '8303'],
  ['more than 125 registers', '030000007e', '8303'],
  ['more than 2000 bits', '02000007d1', '8203'],
  ['a request that is too short', '030000', '8303'],
  ['a register never written', '0400000001', '8404'],
  ['a write', '0600000001', '8601'],
  ['an unknown function', '63', 'e301'],
  [
    'identification',
    '2b0e0100',
    `2b0e0181000003${'0007'}${hex('Eastron')}${'0106'}${hex('SDM630')}${'0202'}${hex('V2')}`,
  ],
  ['one object of it', '2b0e0401', `2b0e0481000001${'0106'}${hex('SDM630')}`],
  ['an object that is not there', '2b0e0407', 'ab02'],
];

t.test('a unit answers as the specification says', async (t) => {
  for (const [what, request, answer] of TABLE) {
    t.equal(answerModbus(unit, Buffer.from(request, 'hex')).toString('hex'), answer, what);
  }
});

t.test('a Bad value makes its registers fail until a good one comes', async (t) => {
  const own = makeUnit([
    makeTag({ name: 'x', address: 'HR:0', type: 'uint16' }),
    makeTag({ name: 'y', address: 'HR:1', type: 'uint16' }),
    makeTag({ name: 'y3', address: 'HR:1', type: 'uint16', bit: 3 }),
  ]);
  const read = () => answerModbus(own, Buffer.from('0300000002', 'hex')).toString('hex');
  for (let index = 0; index < 3; index++) own.write(index, 1, Status.Good);
  t.equal(read(), '030400010009');
  own.write(0, null, Status.Bad_SensorFailure);
  t.equal(read(), '8304');
  t.equal(answerModbus(own, Buffer.from('0300010001', 'hex')).toString('hex'), '03020009', 'its neighbour reads on');
  own.write(0, 7, Status.Good);
  t.equal(read(), '030400070009');
  own.write(1, null, Status.Bad_SensorFailure);
  own.write(2, null, Status.Bad_SensorFailure);
  own.write(1, 2, Status.Good);
  t.equal(read(), '8304', 'another tag in the same register is still Bad');
  own.write(2, false, Status.Good);
  t.equal(read(), '030400070002');
});

t.test('a unit whose every tag lost communication is silent', async (t) => {
  const own = makeUnit([makeTag({ name: 'x', address: 'HR:0' }), makeTag({ name: 'y', address: 'HR:1' })]);
  t.notOk(own.isSilent, 'not before anything was written');
  own.write(0, null, Status.Bad_NoCommunication);
  t.notOk(own.isSilent);
  own.write(1, null, Status.Bad_NoCommunication);
  t.ok(own.isSilent);
  own.write(0, 1, Status.Good);
  t.notOk(own.isSilent);
});

t.test('exceptions that a recording saw are given again', async (t) => {
  const own = makeUnit([makeTag({ name: 'x', address: 'HR:0' })]);
  for (const [status, exception] of [
    [Status.Bad_NodeIdUnknown, '02'],
    [Status.Bad_ConfigurationError, '03'],
    [Status.Bad_DeviceFailure, '04'],
    [0x80040000, '06'],
  ] as const) {
    own.write(0, null, status);
    t.equal(answerModbus(own, Buffer.from('0300000001', 'hex')).toString('hex'), `83${exception}`);
  }
});

t.test('reserved registers read as 0 where the device says so', async (t) => {
  const tags = [
    makeTag({ name: 'x', address: 'HR:0' }),
    makeTag({ name: 'y', address: 'HR:3' }),
    makeTag({ name: 'z', address: 'HR:7' }),
  ];
  const own = makeUnit(tags, { zeroGap: 2 });
  for (const index of [0, 1, 2]) own.write(index, 5, Status.Good);
  t.equal(answerModbus(own, Buffer.from('0300000004', 'hex')).toString('hex'), '03080005000000000005');
  t.equal(answerModbus(own, Buffer.from('0300000008', 'hex')).toString('hex'), '8302', 'a gap of three');
});

t.test('an address that no device holds is named', async (t) => {
  for (const address of ['ns=2;s=x', 'HR:65535']) {
    t.throws(() => makeUnit([makeTag({ name: 'x', address, type: 'float32' })]), {
      code: 'SIMULATE_ADDRESS_UNSERVABLE',
      context: { tag: 'x', address },
    });
  }
});

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

function makeUnit(
  tags: readonly TagDefinition[],
  options: ConstructorParameters<typeof ModbusUnit>[1] = {},
): ModbusUnit {
  return new ModbusUnit(
    tags.map((tag) => modbusPointOf(tag, 1)),
    options,
  );
}
