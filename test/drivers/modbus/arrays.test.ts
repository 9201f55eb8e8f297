import t, { type Test } from 'tap';
import { loadConfiguration } from '../../../src/config/load.ts';
import type { ModbusTcpConfig } from '../../../src/drivers/modbus/config.ts';
import { modbusTcp } from '../../../src/drivers/modbus/module.ts';
import { modbusSpecs } from '../../../src/drivers/modbus/spec.ts';
import { configDirectory, GATEWAY, testSpecs } from '../../config/fixture.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedMs } from '../../support/lived-time.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';

const specs = { ...testSpecs, drivers: [...testSpecs.drivers, ...modbusSpecs] };

/** @param rows address, type, length, bit, name */
async function load(t: Test, rows: readonly string[], port = 502) {
  const directory = await configDirectory(t, {
    'gateway.yaml': GATEWAY,
    'devices/m.yaml': `name: m\ndriver: modbus-tcp\nhost: 127.0.0.1\nport: ${port}\n`,
    'devices/plc-1.yaml': 'name: plc-1\ndriver: plc\nhost: 10.0.0.5\n',
    'tags/a.csv': ['device,asset,address,type,length,bit,name', ...rows].join('\n'),
  });
  return loadConfiguration(directory, specs, {});
}

t.test('an array is a tag for each of its values, at the addresses that follow each other', async (t) => {
  const { configuration, problems } = await load(t, [
    'm,a/b,40011,INT [3],,,t',
    'm,a/b,7!HR:100#CDAB,float32[2],,,f',
    'm,a/b,HR:200.6L,string[2],,,s',
    'm,a/b,00001,bool[3],,,c',
    'm,a/b,IR:5,uint16[1],,,one',
  ]);
  t.same(problems, []);
  t.same(
    [...(configuration?.tags ?? [])].map(({ name, type, address }) => `${name} ${type} ${address}`),
    [
      ...['t_0 int16 HR:10', 't_1 int16 HR:11', 't_2 int16 HR:12'],
      ...['f_0 float32 7!HR:100#CDAB', 'f_1 float32 7!HR:102#CDAB'],
      ...['s_0 string HR:200.6#BADC', 's_1 string HR:203.6#BADC'],
      ...['c_0 bool CO:0', 'c_1 bool CO:1', 'c_2 bool CO:2'],
      'one_0 uint16 IR:5',
    ],
  );
});

t.test('what cannot be an array is told with its place', async (t) => {
  const { problems } = await load(t, [
    'm,a/b,HR:65534,int16[3],,,over',
    'm,a/b,HR:0,int16[0],,,none',
    'm,a/b,HR:0,int16[1001],,,many',
    'm,a/b,HR:0,itn16[2],,,typo',
    'm,a/b,HR:0,uint16[2],,3,bits',
    `m,a/b,HR:0,uint16[11],,,${'n'.repeat(62)}`,
    'plc-1,a/b,40001,int16[2],,,other',
    'm,a/b,HR:20,int16[2],,,twice',
    'm,a/b,HR:30,int16,,,twice_1',
    'm,a/b,HR:40,int32[2],,,wide',
    'm,a/b,HR:43,int16,,,within',
  ]);
  const found = problems.map(
    ({ severity, code, line, column, expected }) => `${severity} ${code} ${line}:${column} ${expected}`,
  );
  const has = (start: RegExp) =>
    t.ok(
      found.some((one) => start.test(one)),
      String(start),
    );
  has(/^error CONFIG_INVALID_VALUE 2:\d+ HR:0 to HR:65535/);
  has(/^error CONFIG_INVALID_VALUE 3:\d+ a count from 1 to 1000/);
  has(/^error CONFIG_INVALID_VALUE 4:\d+ a count from 1 to 1000/);
  has(/^error CONFIG_INVALID_VALUE 5:\d+ one of auto, bool/);
  has(/^error CONFIG_INVALID_VALUE 6:\d+ no bit beside uint16\[2\]/);
  has(/^error CONFIG_INVALID_VALUE 7:\d+ a name that stays within 64/);
  has(/^error CONFIG_INVALID_VALUE 8:\d+ int16: devices of kind plc have no arrays/);
  has(/^error CONFIG_DUPLICATE 10:\d+ /);
  has(/^warning CONFIG_OVERLAP 12:\d+ /);
  t.equal(found.length, 9, found.join('\n'));
});

t.test('an array is read in one request, and one value of it is written alone', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  const { configuration } = await load(t, ['m,a/b,40011,int16[8],,,t'], server.port);
  const tags = [...(configuration?.tags ?? [])].map((tag) => ({ ...tag, access: 'rw' as const }));
  server.unit.areas.holding.set([1, 2, 3, 0xffff, 5, 6, 7, 8], 10);
  const witness = new DriverWitness();
  const config = configuration?.devices.find(({ name }) => name === 'm')?.config as ModbusTcpConfig;
  const driver = await witness.create(modbusTcp, [{ name: 'm', config, groups: [] }]);
  t.teardown(() => driver.stop());
  const readings = await driver.readNow('m', tags);
  t.same(
    readings.map(({ value }) => value),
    [1, 2, 3, -1, 5, 6, 7, 8],
  );
  t.equal(server.seen.length, 1);
  const deadline = livedMs() + 5_000;
  t.same(await driver.writeNow?.('m', [{ tag: tags[3] as (typeof tags)[0], value: 44 }], { deadline }), [0]);
  t.same([...server.unit.areas.holding.slice(12, 15)], [3, 44, 5]);
});
