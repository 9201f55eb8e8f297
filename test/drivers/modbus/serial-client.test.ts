import t, { type Test } from 'tap';
import { asciiCodec } from '../../../src/drivers/modbus/ascii-frame.ts';
import { busTiming } from '../../../src/drivers/modbus/bus-timing.ts';
import { TcpLink } from '../../../src/drivers/modbus/byte-link.ts';
import { type ModbusReply, readRequest } from '../../../src/drivers/modbus/frame.ts';
import { rtuCodec } from '../../../src/drivers/modbus/rtu-frame.ts';
import { SerialClient, type SerialClientOptions } from '../../../src/drivers/modbus/serial-client.ts';
import { HeadgateError } from '../../../src/errors/headgate-error.ts';
import { livedClock, livedMs } from '../../support/lived-time.ts';
import { type SeenLineRequest, SerialUnitServer, TcpLine } from '../../support/serial-unit-server.ts';
import { until } from '../../support/until.ts';

const TIMEOUT_MS = 80;
const LEAST_GAP_MS = 5;
const request = readRequest(1, { area: 'holding', offset: 0, count: 2 });
const right = Buffer.from([0, 1, 0, 2]);

interface Rig {
  readonly client: SerialClient;
  readonly server: SerialUnitServer;
  readonly line: TcpLine;
  readonly log: { readonly down: HeadgateError[]; strays: number };
}

async function withClient(
  t: Test,
  framing: 'rtu' | 'ascii',
  body: (rig: Rig) => Promise<void>,
  over: Partial<SerialClientOptions> = {},
): Promise<void> {
  const server = new SerialUnitServer(framing);
  server.unit.areas.holding.set([1, 2, 3, 4]);
  server.unitAt(2).areas.holding.set([21, 22]);
  const line = await TcpLine.open(server);
  const log = { down: [] as HeadgateError[], strays: 0 };
  const client = new SerialClient({
    place: 'the line',
    link: new TcpLink({ host: '127.0.0.1', port: line.port }),
    codec: framing === 'rtu' ? rtuCodec : asciiCodec,
    timing: busTiming(framing, null, 0),
    ...{ leastGapMs: LEAST_GAP_MS, hasEcho: false, turnaroundMs: 0, connectTimeoutMs: 1_000, clock: livedClock },
    onDown: (error) => log.down.push(error),
    onStray: () => log.strays++,
    ...over,
  });
  t.teardown(async () => {
    await client.close(new HeadgateError('MODBUS_STOPPED', { place: 'the line' }));
    await line.close();
  });
  await client.open();
  await body({ client, server, line, log });
}

const pdu = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** What a hostile unit does with the first request, and what must become of that. */
const HOSTILE: [string, (request: SeenLineRequest) => void, 'MODBUS_TIMEOUT' | 'MODBUS_BAD_REPLY' | 'good'][] = [
  ['an honest answer', ({ send, honest }) => send(honest), 'good'],
  ['silence', () => {}, 'MODBUS_TIMEOUT'],
  ['half an answer', ({ send, honest }) => send(honest.subarray(0, 6)), 'MODBUS_TIMEOUT'],
  ['the answer of another unit', ({ send, frame }) => send(frame(2, pdu('03 04 00010002'))), 'MODBUS_TIMEOUT'],
  ['an exception of another unit', ({ send, frame }) => send(frame(2, pdu('83 02'))), 'MODBUS_TIMEOUT'],
  ['another function', ({ send, frame }) => send(frame(1, pdu('04 04 00010002'))), 'MODBUS_BAD_REPLY'],
  ['a byte count that lies', ({ send, frame }) => send(frame(1, pdu('03 02 00010002'))), 'MODBUS_BAD_REPLY'],
  ['fewer registers', ({ send, frame }) => send(frame(1, pdu('03 02 0001'))), 'MODBUS_BAD_REPLY'],
  ['the answer twice', ({ send, honest }) => send(Buffer.concat([honest, honest])), 'good'],
  [
    'an older answer right before the answer',
    ({ send, frame, honest }) => send(Buffer.concat([frame(1, pdu('03 04 00070008')), honest])),
    'MODBUS_BAD_REPLY',
  ],
  [
    'an older answer a moment before the answer',
    ({ send, frame, honest }) => {
      send(frame(1, pdu('03 04 00070008')));
      setTimeout(() => send(honest), 1);
    },
    'MODBUS_BAD_REPLY',
  ],
  ['garbage', ({ send }) => send(Buffer.alloc(3_000, 0x41)), 'MODBUS_BAD_REPLY'],
  [
    'the answer behind that of another unit',
    ({ send, frame, honest }) => send(Buffer.concat([frame(2, pdu('03 04 00150016')), honest])),
    'good',
  ],
  [
    'the answer byte by byte',
    ({ send, honest }) => {
      let at = 0;
      const step = () => {
        if (at < honest.length) send(honest.subarray(at, ++at));
        if (at < honest.length) setImmediate(step);
      };
      step();
    },
    'good',
  ],
];

for (const framing of ['rtu', 'ascii'] as const) {
  for (const [what, behave, outcome] of HOSTILE) {
    t.test(
      `${framing}: ${what}: ${outcome === 'good' ? 'is taken' : `gives ${outcome}, and the next is read right`}`,
      (t) =>
        withClient(t, framing, async ({ client, server, log }) => {
          server.behave = behave;
          const settled: ModbusReply | HeadgateError = await client
            .request(request, TIMEOUT_MS)
            .catch((error: HeadgateError) => error);
          if (outcome === 'good') {
            t.notOk(settled instanceof HeadgateError);
            if (!(settled instanceof HeadgateError)) t.strictSame(Buffer.from(settled.data), right);
          } else t.match(settled, { code: outcome });
          server.behave = null;
          t.strictSame(Buffer.from((await client.request(request, TIMEOUT_MS)).data), right);
          t.strictSame(log.down, [], 'the line stays open');
        }),
    );
  }

  t.test(`${framing}: a damaged answer is told as whole, so that nothing late is waited for`, (t) =>
    withClient(t, framing, async ({ client, server }) => {
      server.behave = ({ send, honest }) => {
        const damaged = Buffer.from(honest);
        damaged[framing === 'rtu' ? 4 : 8] = (damaged[framing === 'rtu' ? 4 : 8] ?? 0) ^ 0x01;
        send(damaged);
      };
      await t.rejects(client.request(request, TIMEOUT_MS), { code: 'MODBUS_BAD_REPLY', context: { isWhole: true } });
    }),
  );

  t.test(`${framing}: asks for silence, and for as long as the unit ever took after a time-out`, (t) =>
    withClient(t, framing, async ({ client, server }) => {
      server.behave = ({ send, honest }) => livedClock.after(40, () => send(honest));
      await client.request(request, TIMEOUT_MS);
      t.ok(client.quietMs() <= LEAST_GAP_MS);
      server.behave = () => {};
      await t.rejects(client.request(request, TIMEOUT_MS), { code: 'MODBUS_TIMEOUT' });
      t.ok(client.quietMs() > 20, `${client.quietMs()} ms`);
    }),
  );
}

t.test('what comes unasked holds the next request back until there is silence', (t) =>
  withClient(
    t,
    'rtu',
    async ({ client, server, log }) => {
      let send: ((bytes: Uint8Array) => void) | null = null;
      server.behave = (seen) => {
        send = seen.send;
        seen.send(seen.honest);
      };
      await client.request(request, TIMEOUT_MS);
      const babble = setInterval(() => send?.(Buffer.from([0x55])), 2);
      await until(() => log.strays > 0, { what: 'something unasked', everyMs: 1 });
      await t.rejects(client.request(request, TIMEOUT_MS), { code: 'MODBUS_BAD_REPLY', message: /not quiet/ });
      clearInterval(babble);
      t.equal(server.seen.length, 1, 'nothing was sent into it');
      await until(() => client.quietMs() === 0, { what: 'silence' });
      t.strictSame(Buffer.from((await client.request(request, TIMEOUT_MS)).data), right);
    },
    { leastGapMs: 40 },
  ),
);

t.test('a late answer that came while this process was stalled is not taken for the next', (t) =>
  withClient(t, 'rtu', async ({ client, server }) => {
    let late = () => {};
    server.behave = ({ send, frame }) => {
      server.behave = null;
      late = () => send(frame(1, pdu('03 04 00070008')));
    };
    await t.rejects(client.request(request, TIMEOUT_MS), { code: 'MODBUS_TIMEOUT' });
    late();
    const over = livedMs() + 60;
    while (livedMs() < over) {
      // Stall.
    }
    t.strictSame(Buffer.from((await client.request(request, TIMEOUT_MS)).data), right);
  }),
);

t.test('an adapter that hears itself has its echo taken off, and another echo is no answer', (t) =>
  withClient(
    t,
    'rtu',
    async ({ client, server }) => {
      server.behave = ({ send, pdu: asked, unit, frame, honest }) => send(Buffer.concat([frame(unit, asked), honest]));
      t.strictSame(Buffer.from((await client.request(request, TIMEOUT_MS)).data), right);
      server.behave = ({ send, honest }) => send(honest);
      await t.rejects(client.request(request, TIMEOUT_MS), { code: 'MODBUS_BAD_REPLY', message: /echo/ });
    },
    { hasEcho: true },
  ),
);

t.test('a line on which nothing is heard any more is opened anew', (t) =>
  withClient(t, 'rtu', async ({ client, server, line, log }) => {
    server.isFrozen = true;
    for (let i = 0; i < 4; i++) await t.rejects(client.request(request, 20), { code: 'MODBUS_TIMEOUT' });
    t.strictSame(
      log.down.map(({ code }) => code),
      ['MODBUS_TIMEOUT'],
    );
    await until(() => line.open === 0, { what: 'the connection to be closed' });
  }),
);

t.test('a close by the other side rejects what is pending at once', (t) =>
  withClient(t, 'rtu', async ({ client, server, line, log }) => {
    server.behave = () => line.reset();
    await t.rejects(client.request(request, 10_000), { code: 'MODBUS_CONNECTION_LOST' });
    t.equal(log.down.length, 1);
    await t.rejects(client.request(request, 10_000), { code: 'MODBUS_CONNECTION_LOST' });
  }),
);
