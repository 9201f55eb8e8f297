import { connect, createServer } from 'node:net';
import t, { type Test } from 'tap';
import { plainEvent } from '../../support/events.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { until } from '../../support/until.ts';
import { closeSharedBroker, startRig } from './rig.ts';

t.teardown(closeSharedBroker);

const LIMIT = 3000;

/** In front of a broker: hangs up without a word on a client whose packet is larger than the limit, as brokers do that speak MQTT 3.1.1. */
async function startLimit(t: Test, port: () => number): Promise<{ readonly port: number; hangUps: number }> {
  const limit = { port: 0, hangUps: 0 };
  const server = createServer((client) => {
    const broker = connect(port(), '127.0.0.1');
    let pending = Buffer.alloc(0);
    client.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      for (let size = packetBytes(pending); size !== null; size = packetBytes(pending)) {
        if (size > LIMIT) {
          limit.hangUps++;
          client.destroy();
          return;
        }
        if (pending.length < size) return;
        broker.write(pending.subarray(0, size));
        pending = pending.subarray(size);
      }
    });
    broker.on('data', (bytes) => client.write(bytes));
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  if (typeof address === 'object' && address !== null) limit.port = address.port;
  return limit;
}

/** Of the packet that begins here; null: too little of it has come. */
function packetBytes(bytes: Uint8Array): number | null {
  let length = 0;
  for (let at = 1; at < Math.min(5, bytes.length); at++) {
    const byte = bytes[at] ?? 0;
    length += (byte & 127) * 128 ** (at - 1);
    if (byte < 128) return 1 + at + length;
  }
  return null;
}

t.test('a backlog gets past a broker that hangs up on its batches, while live data is small enough', async (t) => {
  let upstreamPort = 0;
  const limit = await startLimit(t, () => upstreamPort);
  const journal = new MemoryJournal();
  await journal.append(Array.from({ length: 3000 }, (_, i) => plainEvent(i)));
  const url = `mqtt://127.0.0.1:${limit.port}`;
  const rig = await startRig(t, { url, compression: 'none', format: 'batches', batch: { linger_ms: 0 } }, journal);
  upstreamPort = rig.upstream.port;
  let isDone = false;
  const live = (async () => {
    for (let i = 3000; !isDone; i++) {
      await journal.append([plainEvent(i)]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await until(() => rig.status().backlog === 0 && rig.reader.receiver.figures().unique > 3000, {
    what: 'the backlog through',
    timeoutMs: 60_000,
  });
  isDone = true;
  await live;
  const figures = await rig.settled();
  t.match(figures, { missing: 0, lost: 0, orderViolations: 0 });
  const told = rig.observer.emitted.filter(({ name }) => name === 'sink-backlog-started');
  t.equal(told.length, new Set(told.map(({ fields }) => JSON.stringify(fields))).size, 'each backlog is told once');
  t.ok(limit.hangUps > 0, `${limit.hangUps} connections ended by it`);
});
