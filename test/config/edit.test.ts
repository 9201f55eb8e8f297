import { chmod, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { addTags, removeTags } from '../../src/config/edit.ts';
import { putDevice, removeDevice } from '../../src/config/edit-device.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { configDirectory, DEVICE, GATEWAY, testSpecs } from './fixture.ts';

const TABLE =
  '\ufeff# our tags\r\nname;device;asset;address;scale\r\n\r\na;plc-1;acme/p;1;0,5\r\n# the rest\r\nb;plc-1;acme/p;2;\r\nb;plc-1;acme/q;3;\r\n';
const FILES = { 'gateway.yaml': GATEWAY, 'devices/plc.yaml': DEVICE, 'tags/line.csv': TABLE };

t.test('adds rows in the dialect of the file and leaves the rest as it is', async (t) => {
  const directory = await configDirectory(t, FILES);
  const row = { device: 'plc-1', name: 'c', asset: 'acme/p', address: '4', unit: 'm;s', scale: '0.1' };
  t.match(await addTags(directory, testSpecs, [row]), { isWritten: true, files: ['tags/line.csv'], problems: [] });
  const after = await readFile(join(directory, 'tags/line.csv'), 'utf8');
  t.equal(after, `${TABLE.replace('address;scale\r\n', 'address;scale;unit\r\n')}c;plc-1;acme/p;4;0.1;"m;s"\r\n`);
  const { configuration } = await loadConfiguration(directory, testSpecs);
  t.match([...(configuration?.tags ?? [])].at(-1), { name: 'c', unit: 'm;s', scale: 0.1 });
});

t.test('makes a table for a device that has none', async (t) => {
  const directory = await configDirectory(t, { 'gateway.yaml': GATEWAY, 'devices/plc.yaml': DEVICE });
  await addTags(directory, testSpecs, [{ device: 'plc-1', name: 'c', asset: 'acme/p', address: '4' }]);
  const table = await readFile(join(directory, 'tags/plc-1.csv'), 'utf8');
  t.equal(table, 'device,name,asset,address\nplc-1,c,acme/p,4\n');
});

t.test('removes rows and keeps comments', async (t) => {
  const directory = await configDirectory(t, FILES);
  t.match(await removeTags(directory, testSpecs, ['a', 'acme/q/b']), { isWritten: true });
  t.equal(
    await readFile(join(directory, 'tags/line.csv'), 'utf8'),
    '\ufeff# our tags\r\nname;device;asset;address;scale\r\n\r\n# the rest\r\nb;plc-1;acme/p;2;\r\n',
  );
});

t.test('asks for the asset where a name is ambiguous, and names what does not exist', async (t) => {
  const directory = await configDirectory(t, FILES);
  await t.rejects(removeTags(directory, testSpecs, ['b']), {
    code: 'CONFIG_EDIT_CONFLICT',
    message: /acme\/p\/b, acme\/q\/b/,
  });
  await t.rejects(removeTags(directory, testSpecs, ['zz']), { code: 'CONFIG_EDIT_CONFLICT', message: /no tag zz/ });
});

t.test('refuses what would not validate, and writes nothing', async (t) => {
  const directory = await configDirectory(t, FILES);
  const result = await addTags(directory, testSpecs, [{ device: 'plc-9', name: 'a', asset: 'acme/p', address: 'x' }]);
  t.match(result, { isWritten: false, problems: [{ code: 'CONFIG_UNKNOWN_REFERENCE' }, { code: 'CONFIG_DUPLICATE' }] });
  t.equal(await readFile(join(directory, 'tags/line.csv'), 'utf8'), TABLE);
  t.same(await readdir(join(directory, 'tags')), ['line.csv']);
});

t.test('errors that were there before do not stand in the way', async (t) => {
  const directory = await configDirectory(t, { ...FILES, 'gateway.yaml': 'gateway: {}\n' });
  t.match(await removeTags(directory, testSpecs, ['a']), { isWritten: true });
});

t.test('writes a device file, refuses a second of its name, and replaces it on request', async (t) => {
  const directory = await configDirectory(t, FILES);
  const device = { name: 'plc-2', driver: 'plc', host: '10.0.0.9' };
  t.match(await putDevice(directory, testSpecs, device), { isWritten: true, files: ['devices/plc-2.yaml'] });
  await t.rejects(putDevice(directory, testSpecs, device), { code: 'CONFIG_EDIT_CONFLICT' });
  await putDevice(directory, testSpecs, { ...device, name: 'plc-1', port: 503 }, { replace: true });
  t.equal(
    await readFile(join(directory, 'devices/plc.yaml'), 'utf8'),
    'name: plc-1\ndriver: plc\nhost: 10.0.0.9\nport: 503\n',
  );
  t.match(await putDevice(directory, testSpecs, { name: 'plc-3', driver: 'plc' }), { isWritten: false });
});

t.test('takes a device away, and its tags only when told to', async (t) => {
  const directory = await configDirectory(t, FILES);
  await t.rejects(removeDevice(directory, testSpecs, 'plc-2'), { message: /no device plc-2; did you mean plc-1/ });
  await t.rejects(removeDevice(directory, testSpecs, 'plc-1'), {
    message: /3 tags are read from it; with --with-tags/,
  });
  t.same(await readdir(join(directory, 'devices')), ['plc.yaml'], 'nothing was written');
  t.match(await removeDevice(directory, testSpecs, 'plc-1', { withTags: true }), {
    isWritten: true,
    files: ['tags/line.csv', 'devices/plc.yaml'],
    tags: 3,
  });
  t.same(await readdir(join(directory, 'devices')), []);
  const left = await readFile(join(directory, 'tags/line.csv'), 'utf8');
  t.equal(left, '\ufeff# our tags\r\nname;device;asset;address;scale\r\n\r\n# the rest\r\n');
});

t.test('takes one of a list of devices out of its file, and the file with the last', async (t) => {
  const list =
    '# the hall\n- name: plc-1 # press\n  driver: plc\n  host: 10.0.0.1\n- name: plc-2 # saw\n  driver: plc\n  host: 10.0.0.2\n';
  const directory = await configDirectory(t, { 'gateway.yaml': GATEWAY, 'devices/hall.yaml': list });
  t.match(await removeDevice(directory, testSpecs, 'plc-1'), { isWritten: true, tags: 0 });
  const left = await readFile(join(directory, 'devices/hall.yaml'), 'utf8');
  t.equal(left, '# the hall\n- name: plc-2 # saw\n  driver: plc\n  host: 10.0.0.2\n');
  await removeDevice(directory, testSpecs, 'plc-2');
  t.same(await readdir(join(directory, 'devices')), []);
});

t.test('keeps the mode of a file and follows a link to it', async (t) => {
  const directory = await configDirectory(t, { ...FILES, 'shared.csv': TABLE });
  await symlink('../shared.csv', join(directory, 'tags/z.csv'));
  await chmod(join(directory, 'shared.csv'), 0o604);
  await removeTags(directory, testSpecs, ['a']);
  t.equal((await stat(join(directory, 'shared.csv'))).mode & 0o777, 0o604);
  t.notMatch(await readFile(join(directory, 'shared.csv'), 'utf8'), /^a;/m);
});
