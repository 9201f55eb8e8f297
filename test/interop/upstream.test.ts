import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { until } from '../support/until.ts';
import { UpstreamReader } from '../support/upstream-reader.ts';
import { mosquitto, startPython } from './peer.ts';
import { rig } from './rig.ts';

/** As long as the broker is away. */
const OUTAGE_MS = 30_000;

// Longer than the default of a test file: the outage alone takes 30 s.
t.setTimeout(210_000);
t.test('mosquitto is away for 30 s, and every event arrives, once and in order', { timeout: 180_000 }, async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'headgate-interop-'));
  const user = { name: 'gate', password: 'opens' };
  const [server, broker] = await Promise.all([startPython('asyncua_server.py'), mosquitto(work, user)]);
  const secret = join(work, 'secret');
  writeFileSync(secret, `${user.password}\n`, { mode: 0o600 });
  const gateway = rig({
    gateway: {
      broker: { enabled: false },
      sinks: {
        plant: {
          kind: 'mqtt',
          url: `mqtt://127.0.0.1:${broker.port}`,
          username: user.name,
          password: { file: secret },
          batch: { linger_ms: 200 },
        },
      },
    },
    devices: [
      {
        name: 'plc',
        driver: 'opcua',
        endpoint: `opc.tcp://127.0.0.1:${server.port}/test`,
        security: { policy: 'None', mode: 'None' },
      },
    ],
    tags: [
      'plc,counter,test/line,nsu=urn:headgate:test;s=Line.Counter,auto,,,,100,',
      'plc,double,test/line,nsu=urn:headgate:test;s=Line.Double,auto,,,,100,none',
    ],
  });
  const reader = await UpstreamReader.start(`mqtt://127.0.0.1:${broker.port}`, {
    username: user.name,
    password: user.password,
    filter: 'headgate/#',
  });
  const daemon = await gateway.start();
  t.teardown(async () => {
    await daemon.stop();
    await reader.stop();
    await Promise.all([server.stop(), broker.stop()]);
    gateway.remove();
    rmSync(work, { recursive: true, force: true });
  });
  await until(() => reader.events.length > 10, { what: 'events before the outage', timeoutMs: 20_000 });
  await broker.stop();
  const before = (await daemon.status()).journal.lastSequence;
  await pause(OUTAGE_MS);
  const during = await daemon.status();
  t.ok(during.journal.lastSequence > before + 100, 'it goes on collecting');
  t.match(during.sinks, [{ link: 'down' }]);
  await broker.start();
  await until(async () => (await daemon.status()).sinks[0]?.backlog === 0, {
    what: 'the backlog is through',
    timeoutMs: 20_000,
  });
  await server.stop();
  await until(async () => (await daemon.status()).devices[0]?.state.state !== 'connected', {
    what: 'the server is missed',
    timeoutMs: 20_000,
  });
  await until(async () => (await daemon.status()).sinks[0]?.waiting === 0, {
    // The pause between attempts to connect has grown to half a minute by then.
    what: 'nothing waits',
    timeoutMs: 50_000,
  });
  await daemon.stop();
  const { ledger } = await inspectJournal(join(gateway.directory, 'data', 'journal'));
  const accepted = ledger.find(({ consumer }) => consumer === 'plant')?.received ?? 0;
  await until(() => reader.receiver.figures().unique >= accepted, { what: 'all at the receiver' });
  t.match(reader.receiver.figures(), { unique: accepted, missing: 0, orderViolations: 0 });
  t.ok(reader.historical > 50, 'what was collected in the outage is marked historical');
});
