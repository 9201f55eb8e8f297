import t from 'tap';
import { Check } from 'typebox/value';
import type { OpcuaConfig } from '../../../src/drivers/opcua/config.ts';
import { opcuaSpec } from '../../../src/drivers/opcua/spec.ts';
import { tag } from './harness.ts';

const BASE = { name: 'plc', driver: 'opcua', endpoint: 'opc.tcp://10.0.0.1:4840' } as const;
const password = { file: '/etc/headgate/secrets/plc' };

t.test('a minimal file is valid and secured', (t) => {
  t.ok(Check(opcuaSpec.schema, BASE));
  t.strictSame(opcuaSpec.checkDevice(BASE), []);
  t.match(opcuaSpec.connection?.(BASE).settings, { policy: 'Aes256_Sha256_RsaPss', securityMode: 'SignAndEncrypt' });
  t.end();
});

t.test('the schema refuses unknown keys, other schemes and values in place of secret references', (t) => {
  for (const wrong of [
    { ...BASE, surprise: 1 },
    { ...BASE, endpoint: 'http://10.0.0.1' },
    { ...BASE, user: { name: 'ali', password: 'open sesame' } },
    { ...BASE, security: { policy: 'Basic128Rsa15' } },
    { ...BASE, mode: 'push' },
  ]) {
    t.notOk(Check(opcuaSpec.schema, wrong), JSON.stringify(wrong));
  }
  t.end();
});

t.test('refuses what does not go together, and names the field', (t) => {
  const cases: readonly [Partial<OpcuaConfig>, readonly string[]][] = [
    [{ security: { policy: 'None', mode: 'None' } }, []],
    [{ security: { policy: 'None' } }, ['security.mode']],
    [{ security: { mode: 'None' } }, ['security.mode']],
    [{ security: { policy: 'None', mode: 'None' }, user: { name: 'ali', password } }, ['user.password']],
    [{ user: { name: 'ali', password } }, []],
    [{ user: {} }, []],
    [{ user: { name: 'ali' } }, ['user.password']],
    [{ user: { password } }, ['user', 'user.name']],
    [{ user: { certificate: '/nowhere.pem' } }, ['user.private_key', 'user.certificate']],
    [{ trust: { server: 'pinned' } }, ['trust.file']],
    [{ trust: { server: 'pinned', file: '/nowhere.pem' } }, ['trust.file']],
    [{ trust: { file: '/nowhere.pem' } }, ['trust.file']],
    [{ reconnect_min_ms: 5_000, reconnect_max_ms: 2_000 }, ['reconnect_max_ms']],
    [{ endpoint: 'opc.tcp://:4840' }, ['endpoint']],
  ];
  for (const [more, fields] of cases) {
    const found = opcuaSpec.checkDevice({ ...BASE, ...more }).map(({ field }) => field);
    t.strictSame(found, fields, JSON.stringify(more));
  }
  t.end();
});

t.test('checks a tag by its address, byte order and bit, and shows it resolved', (t) => {
  const fields = (one: ReturnType<typeof tag>) => opcuaSpec.checkTag(one, BASE).map(({ field }) => field);
  t.strictSame(fields(tag('a', 'ns=2;s=Pump')), []);
  t.strictSame(fields(tag('a', '40001')), ['address']);
  t.strictSame(fields(tag('a', 'ns=2;s=Pump', { byteOrder: 'CDAB' })), ['byte_order']);
  t.strictSame(fields(tag('a', 'ns=2;s=Pump', { bit: 3, type: 'float64' })), ['bit']);
  t.strictSame(fields(tag('a', 'ns=2;s=Pump', { bit: 3, type: 'uint16' })), []);
  t.equal(opcuaSpec.describeAddress(tag('a', '2!Pump', { bit: 3 }), BASE), 'ns=2;s=Pump bit 3');
  t.end();
});
