import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { componentSpecs } from '../../src/component-specs.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { parseProfile, readProfiles } from '../../src/config/profiles.ts';
import { headgate } from '../cli/run-headgate.ts';
import { TestModbusServer } from '../support/modbus-server.ts';

const PROFILES = join(import.meta.dirname, '../../config/profiles');

async function configured(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-profiles-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await headgate(['init', directory, '--minimal', '--force']);
  return directory;
}

t.test('every profile makes a device and tags that validate', async (t) => {
  const directory = await configured(t);
  const profiles = await readProfiles(PROFILES);
  t.ok(profiles.length >= 12, `${profiles.length} profiles`);
  t.equal(profiles.length, (await readdir(PROFILES)).length);
  for (const [index, { name }] of profiles.entries()) {
    const added = await headgate([
      '-c',
      directory,
      'device',
      'add',
      name,
      '--profile',
      name,
      '--host',
      `10.0.0.${index}`,
      '--json',
    ]);
    t.equal(added.code, 0, `${name}: ${added.out}${added.err}`);
  }
  const { configuration, problems } = await loadConfiguration(directory, componentSpecs);
  t.strictSame(problems, []);
  t.equal(
    configuration?.tags.length,
    profiles.reduce((sum, { tags }) => sum + tags.length, 0),
  );
});

t.test('a meter of a profile is read as its bytes say', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  // An EM340 with 230.1 V, -12.3 A and 4,294.9 kWh, words swapped; a power factor of -0.987.
  server.unit.areas.input.set([2301, 0], 0);
  server.unit.areas.input.set([0xcff4, 0xffff], 12);
  server.unit.areas.input.set([0xa7c5, 0], 0x34);
  server.unit.areas.input.set([0x10000 - 987], 0x31);
  const directory = await configured(t);
  const where = ['--host', '127.0.0.1', '--port', String(server.port), '--unit', '1'];
  await headgate([
    '-c',
    directory,
    'device',
    'add',
    'em',
    '--profile',
    'carlo-gavazzi-em340',
    ...where,
    '--asset',
    'a/b',
  ]);
  const tags = ['voltage_l1', 'current_l1', 'energy_import', 'power_factor'];
  const read = await headgate(['-c', directory, 'tag', 'read', ...tags.map((tag) => `a/b/${tag}`), '--json']);
  const values = read.json<{ value: number }[]>().map(({ value }) => Number(value.toFixed(3)));
  t.strictSame(values, [230.1, -12.3, 4294.9, -0.987]);
  const shown = await headgate(['profile', 'show', 'carlo-gavazzi-em340']);
  t.match(shown.out, /source +volkszaehler\/mbmd/);
  t.match(shown.out, /voltage_l1 +IR:0 +int32 +CDAB +0\.1 +V/);
});

t.test('a device is not overwritten unasked, and what does not fit is refused', async (t) => {
  const directory = await configured(t);
  const add = (...args: string[]) => headgate(['-c', directory, 'device', 'add', ...args]);
  t.equal(
    (await add('m', '--profile', 'eastron-sdm120', '--set', 'path=/dev/ttyUSB0', '--set', 'baud_rate=2400')).code,
    0,
  );
  t.match(await readFile(join(directory, 'devices/m.yaml'), 'utf8'), /driver: modbus-rtu\n/);
  t.match((await add('m', '--profile', 'eastron-sdm120', '--host', 'h')).err, /exists already/);
  t.equal((await add('m', '--profile', 'eastron-sdm230', '--host', 'h', '--scan-ms', '500', '--replace')).code, 0);
  t.match(await readFile(join(directory, 'tags/m.csv'), 'utf8'), /m,voltage,company\/site\/m,IR:0,float32,500,V\n/);
  t.match((await add('x', '--profile', 'eastron-sdm999', '--host', 'h')).err, /did you mean "eastron-sdm/);
  const refused = await add('y', '--profile', 'eastron-sdm120', '--host', 'tcp://h');
  t.equal(refused.code, 78);
  t.match(refused.err, /host/);
});

t.test('a profile that is not right is named with its place', async (t) => {
  const sound =
    'name: x\ntitle: X\nvendor: V\nmodels: [a]\nkind: meter\nconfidence: high\nsources: [s]\ntags:\n  - { name: a, address: "HR:0" }\n';
  t.equal(parseProfile(sound, 'x.yaml').tags.length, 1);
  const wrong: [string, RegExp][] = [
    [sound.replace('kind: meter', 'kind: metre'), /x\.yaml:5:7: kind/],
    [sound.replace('sources: [s]\n', ''), /sources/],
    [sound.replace('address:', 'adress:'), /did you mean address/],
    [sound.replace('name: x', 'name: y'), /its name is y/],
    [`${sound}  - [`, /line 10/],
  ];
  for (const [text, says] of wrong) t.throws(() => parseProfile(text, 'x.yaml'), { message: says });
});
