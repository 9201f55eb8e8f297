import t, { type Test } from 'tap';
import { readRequest } from '../../../src/drivers/modbus/frame.ts';
import { TcpClient } from '../../../src/drivers/modbus/tcp-client.ts';
import { Wire } from '../../../src/drivers/modbus/wire.ts';
import type { WireJob } from '../../../src/drivers/modbus/wire-job.ts';
import { livedClock, livedMs } from '../../support/lived-time.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';
import { recordingObserver } from '../../support/observer.ts';

const job = (unit: number, waitsUntil: number | null): WireJob => ({
  request: readRequest(unit, { area: 'holding', offset: 0, count: 1 }),
  ...{ timeoutMs: 5_000, lateReplyMs: 0, unitPauseMs: 0, holdMs: null, waitsUntil },
  ...{ deadline: livedMs(), isRead: true, isWanted: () => true, heldUp: () => {} },
});

async function rig(t: Test, maxInFlight: number) {
  const server = await TestModbusServer.start();
  const address = { host: '127.0.0.1', port: server.port, connectTimeoutMs: 1_000, maxInFlight };
  const wire = new Wire({
    ...{ place: 'here', pauseMs: 0, reconnectMinMs: 10, reconnectMaxMs: 20 },
    makeClient: (handlers) => new TcpClient({ ...address, clock: livedClock, ...handlers }),
    ...{ clock: livedClock, random: Math.random, observer: recordingObserver(), onUp: () => {}, onDown: () => {} },
  });
  t.teardown(async () => {
    await wire.stop();
    await server.close();
  });
  await wire.connect();
  return { server, wire };
}

t.test('what may wait goes shortly after the others, or by itself when there are none', async (t) => {
  const { server, wire } = await rig(t, 1);
  const began = livedMs();
  const farOff = began + 60_000;
  await wire.send(job(9, farOff));
  t.strictSame(
    server.seen.map(({ unit }) => unit),
    [9],
    'alone on the wire it waits for nobody',
  );
  await wire.send(job(1, null));
  const patient = wire.send(job(9, farOff));
  await wire.send(job(2, null));
  await Promise.all([wire.send(job(3, null)), patient]);
  t.strictSame(
    server.seen.map(({ unit }) => unit),
    [9, 1, 2, 3, 9],
  );
  t.ok(livedMs() - began < 30_000);
  const due = livedMs() + 60;
  await wire.send(job(9, due));
  t.ok(livedMs() >= due, 'with nobody to follow it goes when it must');
});

t.test('how long others have waited for an answer is told, and whether it had to wait itself', async (t) => {
  const { server, wire } = await rig(t, 1);
  const timeoutMs = 120;
  server.unitAt(9).isSilent = true;
  const told: number[] = [];
  const silent = (): WireJob => ({ ...job(9, null), timeoutMs, heldUp: (ms) => told.push(ms) });
  await t.rejects(wire.send(silent()), { code: 'MODBUS_TIMEOUT' });
  await Promise.allSettled([wire.send(silent()), wire.send({ ...silent(), deadline: Number.POSITIVE_INFINITY })]);
  t.strictSame(told, [], 'alone, or before requests to the same unit, it holds up nobody');
  const sent = wire.send(silent());
  const waited = wire.send(job(1, null));
  await t.rejects(sent, { code: 'MODBUS_TIMEOUT' });
  t.equal(told.length, 1);
  t.ok((told[0] ?? 0) >= timeoutMs - 5, `${told[0]} ms`);
  t.ok((await waited).isUnqueued, 'what was queued here has not waited in the unit');
  const { wire: wide } = await rig(t, 3);
  const answers = await Promise.all([1, 2, 3].map((unit) => wide.send(job(unit, null))));
  t.strictSame(
    answers.map(({ isUnqueued }) => isUnqueued),
    [true, false, false],
  );
});
