import t from 'tap';
import { Value } from 'typebox/value';
import { mqttSinkSpec } from '../../../src/sinks/mqtt/spec.ts';

const BASE = { name: 'up', kind: 'mqtt', url: 'mqtt://broker:1883' };

t.test('the least configuration is a name and an address', async (t) => {
  t.ok(Value.Check(mqttSinkSpec.schema, BASE));
  t.same(mqttSinkSpec.check(BASE), []);
});

const REFUSED: readonly [string, object][] = [
  ['a key it does not know', { ulr: 'x' }],
  ['a password in clear', { password: 'secret' }],
  ['a user and password in the url', { url: 'mqtt://user:secret@broker' }],
  ['another protocol', { url: 'http://broker' }],
  ['a name that is no topic segment', { name: 'my sink' }],
  ['a topic with a wildcard', { topic: 'plants/+/x' }],
  ['a topic under $', { topic: '$SYS/x' }],
  ['a topic that ends in /', { topic: 'plants/' }],
  ['QoS 0', { qos: 0 }],
  ['a window of nothing', { max_in_flight: 0 }],
];
for (const [what, over] of REFUSED) {
  t.test(`refuses ${what}`, async (t) => {
    t.notOk(Value.Check(mqttSinkSpec.schema, { ...BASE, ...over }));
  });
}

const PROBLEMS: readonly [string, object, string][] = [
  ['tls settings for mqtt://', { tls: { ca: '/ca.pem' } }, 'tls'],
  ['a password without a user name', { password: { file: '/p' } }, 'username'],
  ['a client certificate without key', { url: 'mqtts://b', tls: { cert: '/c.pem' } }, 'tls.key'],
  ['a shortest wait over the longest', { reconnect: { min_ms: 5000, max_ms: 1000 } }, 'reconnect.min_ms'],
  ['a port that is none', { url: 'mqtt://broker:99999' }, 'url'],
];
for (const [what, over, field] of PROBLEMS) {
  t.test(`names the place of ${what}`, async (t) => {
    const config = { ...BASE, ...over };
    t.ok(Value.Check(mqttSinkSpec.schema, config));
    t.match(mqttSinkSpec.check(config), [{ field }]);
  });
}

t.test('every setting is described', async (t) => {
  for (const [name, property] of Object.entries(mqttSinkSpec.schema.properties)) {
    t.ok('description' in property && property.description !== '', name);
  }
});
