import t from 'tap';
import { Check } from 'typebox/value';
import { brokerConfigSchema, checkBroker, isLoopback } from '../../src/broker/config.ts';
import { brokerConfig } from './support.ts';

t.test('left out, the broker listens on loopback and lets nobody in', async (t) => {
  const config = brokerConfig();
  t.equal(Check(brokerConfigSchema, config), true);
  t.match(config, { enabled: true, listen: { host: '127.0.0.1', tls: null }, users: {}, anonymous: null });
  t.same(checkBroker(config), []);
});

t.test('a listener that others reach needs TLS and users', async (t) => {
  const open = brokerConfig({ listen: { host: '0.0.0.0' } });
  t.same(
    checkBroker(open).map(({ field }) => field),
    ['listen.tls', 'users'],
  );
  t.same(checkBroker(brokerConfig({ enabled: false, listen: { host: '0.0.0.0' } })), []);
  const guarded = brokerConfig({
    listen: { host: '10.0.0.1', tls: { cert_file: 'c', key_file: 'k' } },
    users: { a: { password: { credential: 'a' }, publish: [], subscribe: [] } },
  });
  t.same(checkBroker(guarded), []);
  for (const host of ['127.0.0.1', '127.8.8.8', '::1', 'localhost']) t.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '127.evil.example', '10.0.0.1']) t.equal(isLoopback(host), false, host);
});

t.test('filters that can never match are named', async (t) => {
  const config = brokerConfig({
    users: { a: { password: { file: '/s' }, publish: ['a/#/b', 'ok/+'], subscribe: ['$SYS/#'] } },
    anonymous: { publish: ['a+'], subscribe: [] },
  });
  t.same(
    checkBroker(config).map(({ field, found }) => [field, found]),
    [
      ['users.a.publish.0', 'a/#/b'],
      ['users.a.subscribe.0', '$SYS/#'],
      ['anonymous.publish.0', 'a+'],
    ],
  );
});

t.test('a password in clear is refused by the schema', async (t) => {
  t.equal(Check(brokerConfigSchema, brokerConfig({ users: { a: { password: 'geheim' } } })), false);
  t.equal(
    Check(brokerConfigSchema, brokerConfig({ users: { a: { password: { file: '/x', credential: 'y' } } } })),
    false,
  );
});
