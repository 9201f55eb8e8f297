// An OPC UA server of Eclipse Milo with the limits and the moods of a small PLC.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Status } from '../../src/model/quality.ts';
import { until } from '../support/until.ts';
import { CurrentValues } from './current-values.ts';
import { freePort, startMilo } from './peer.ts';
import { rig } from './rig.ts';

const NODE = 'nsu=urn:headgate:test:milo;s=Line.';
const COUNTERS = 250;
const FIXED = [
  'Bool',
  'SByte',
  'Byte',
  'Int16',
  'UInt16',
  'Int32',
  'UInt32',
  'Int64',
  'UInt64',
  'Float',
  'Double',
  'Text',
  'When',
  'NotANumber',
  'Doubtful',
  'Broken',
  'WriteOnly',
  'Nowhere',
];
const isBad = (quality = 0) => quality >>> 31 === 1;

async function line(t: Test, device: (secret: string) => object) {
  const work = mkdtempSync(join(tmpdir(), 'headgate-interop-'));
  const secret = join(work, 'secret');
  writeFileSync(secret, 'geheim', { mode: 0o600 });
  const port = await freePort();
  const keys = join(work, 'milo.keys');
  let server = await startMilo(port, 0, keys);
  const gateway = rig({
    gateway: { broker: { listen: { port: 0 }, anonymous: { subscribe: ['uns/v1/#'] } } },
    devices: [
      {
        name: 'plc',
        driver: 'opcua',
        endpoint: `opc.tcp://127.0.0.1:${port}/test`,
        reconnect_min_ms: 200,
        reconnect_max_ms: 1_000,
        ...device(secret),
      },
    ],
    tags: [
      ...FIXED.map((name) => `plc,${name},test/line,${NODE}${name},auto,,,,500,`),
      ...Array.from({ length: COUNTERS }, (_, i) => `plc,Counter${i},test/line,${NODE}Counter${i},auto,,,,100,`),
    ],
  });
  const daemon = await gateway.start();
  const values = await CurrentValues.follow((await daemon.status()).broker.address?.port ?? 0, 'test/line');
  t.teardown(async () => {
    await values.close();
    await daemon.stop();
    await server.stop();
    gateway.remove();
    rmSync(work, { recursive: true, force: true });
  });
  /** Every counter is Good, and has counted on since. */
  const countsOn = async (what: string) => {
    const before = Array.from({ length: COUNTERS }, (_, i) => values.history(`Counter${i}`).length);
    const goesOn = (seen: number, i: number) => {
      const fresh = values.history(`Counter${i}`).slice(seen);
      return fresh.length > 1 && fresh.at(-1)?.quality === 0;
    };
    await until(() => before.every(goesOn), { what, timeoutMs: 30_000, everyMs: 100 });
  };
  return {
    daemon,
    values,
    countsOn,
    server: () => server,
    restart: async (before: number) => {
      await server.stop();
      await until(() => isBad(values.of('Counter0')?.quality), { what: 'Bad while the server is gone' });
      server = await startMilo(port, before, keys);
    },
  };
}

const SECURITIES: readonly (readonly [string, (secret: string) => object])[] = [
  ['None', () => ({ security: { policy: 'None', mode: 'None' } })],
  [
    'Aes256_Sha256_RsaPss and a password',
    (secret) => ({
      security: { policy: 'Aes256_Sha256_RsaPss' },
      trust: { server: 'on_first_use' },
      user: { name: 'gateway', password: { file: secret } },
    }),
  ],
];

t.setTimeout(180_000);

for (const [title, device] of SECURITIES) {
  t.test(`Milo, security ${title}`, async (t) => {
    const { daemon, values, countsOn, server, restart } = await line(t, device);
    await t.test('every type, status and time is read as it is, within 100 items a call', async (t) => {
      await countsOn('every counter counts');
      await until(() => FIXED.every((tag) => values.of(tag) !== undefined), { what: 'a first value of every tag' });
      const is = (tag: string) => {
        const { value, quality } = values.of(tag) ?? { value: undefined, quality: undefined };
        return [tag, quality === 0 ? value : quality];
      };
      t.same(FIXED.slice(0, 12).map(is), [
        ['Bool', true],
        ['SByte', -7],
        ['Byte', 200],
        ['Int16', -1234],
        ['UInt16', 54_321],
        ['Int32', -7_654_321],
        ['UInt32', 4_000_000_000],
        ['Int64', '-9007199254740993'],
        ['UInt64', '9223372036854775813'],
        ['Float', 3.25],
        ['Double', -2.5e-7],
        ['Text', 'läuft'],
      ]);
      t.match(JSON.stringify(values.of('When')?.value), String(Date.UTC(2026, 0, 2, 3, 4, 5)).slice(0, 10));
      t.match(values.of('NotANumber'), { value: null, quality: Status.Bad_OutOfRange });
      t.match(values.of('Doubtful'), {
        value: 1.5,
        quality: 0x40900000,
        timestamp_ms: Date.UTC(2026, 0, 2, 3, 4, 5),
      });
      t.match(values.of('Broken'), { value: null, quality: 0x808c0000 });
      for (const tag of ['WriteOnly', 'Nowhere']) t.ok(isBad(values.of(tag)?.quality), `${tag} is Bad`);
      const { tagFaults } = await daemon.status();
      t.same(tagFaults.map(({ tag }) => tag).sort(), ['Nowhere', 'WriteOnly'], 'and what cannot be read is named');
    });
    await t.test('it reads on when the server closes the session', async () => {
      server().say('close');
      await countsOn('every counter counts after the session was closed');
    });
    await t.test('a server that falls silent while connected leaves nothing Good', async (t) => {
      const began = performance.now();
      server().signal('SIGSTOP');
      try {
        await until(() => [...FIXED, 'Counter0', 'Counter249'].every((tag) => isBad(values.of(tag)?.quality)), {
          what: 'every tag is Bad',
          timeoutMs: 20_000,
        });
        t.comment(`all Bad after ${Math.round(performance.now() - began)} ms`);
      } finally {
        server().signal('SIGCONT');
      }
      await countsOn('every counter counts after the silence');
    });
    await t.test('a server that comes back with other namespace indexes is read by their URIs', async (t) => {
      await restart(3);
      await countsOn('every counter counts after the restart');
      t.same((await daemon.status()).tagFaults.map(({ tag }) => tag).sort(), ['Nowhere', 'WriteOnly']);
    });
    await t.test('no counter was ever Good with a value that it did not have', async (t) => {
      for (const tag of ['Counter0', 'Counter249']) {
        for (const { value, quality } of values.history(tag)) {
          if (quality === 0 ? !(Number.isInteger(value) && Number(value) > 0) : value !== null)
            t.fail(`${tag}: ${JSON.stringify({ value, quality })}`);
        }
      }
      t.ok(values.history('Counter0').length > 5, `${values.history('Counter0').length} values`);
    });
  });
}
