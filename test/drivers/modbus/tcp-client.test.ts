import t, { type Test } from 'tap';
import { type ModbusReply, readRequest } from '../../../src/drivers/modbus/frame.ts';
import { TcpClient } from '../../../src/drivers/modbus/tcp-client.ts';
import { HeadgateError } from '../../../src/errors/headgate-error.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { livedClock, livedMs, livedMsOf } from '../../support/lived-time.ts';
import { framed, type SeenRequest, TestModbusServer } from '../../support/modbus-server.ts';
import { until } from '../../support/until.ts';

const TIMEOUT_MS = 100;
const request = readRequest(1, { area: 'holding', offset: 0, count: 2 });

async function withClient(
  t: Test,
  body: (client: TcpClient, server: TestModbusServer, log: { down: HeadgateError[]; strays: number }) => Promise<void>,
  maxInFlight = 1,
  clock: Clock = livedClock,
): Promise<void> {
  const server = await TestModbusServer.start();
  server.unit.areas.holding.set([1, 2, 3, 4]);
  const log = { down: [] as HeadgateError[], strays: 0 };
  const client = new TcpClient({
    ...{ host: '127.0.0.1', port: server.port, connectTimeoutMs: 1_000, maxInFlight, clock },
    onDown: (error) => log.down.push(error),
    onStray: () => log.strays++,
  });
  t.teardown(async () => {
    client.close(new HeadgateError('MODBUS_STOPPED', { place: 'here' }));
    await server.close();
  });
  await client.open();
  await body(client, server, log);
}

/** What a hostile server does with the first request, and what must become of that. */
const HOSTILE: [
  string,
  (request: SeenRequest) => void,
  'MODBUS_TIMEOUT' | 'MODBUS_BAD_REPLY' | 'MODBUS_CONNECTION_LOST' | 'good',
][] = [
  ['an honest answer', ({ socket, honest }) => socket.write(honest), 'good'],
  ['silence', () => {}, 'MODBUS_TIMEOUT'],
  ['a reset', ({ socket }) => socket.resetAndDestroy(), 'MODBUS_CONNECTION_LOST'],
  ['a close', ({ socket }) => socket.end(), 'MODBUS_CONNECTION_LOST'],
  ['half an answer, then a close', ({ socket, honest }) => socket.end(honest.subarray(0, 9)), 'MODBUS_CONNECTION_LOST'],
  ['half an answer, then silence', ({ socket, honest }) => socket.write(honest.subarray(0, 9)), 'MODBUS_TIMEOUT'],
  ['half a header, then silence', ({ socket, honest }) => socket.write(honest.subarray(0, 4)), 'MODBUS_TIMEOUT'],
  [
    'an answer to another transaction',
    ({ socket, transaction, honest }) => socket.write(framed(transaction + 1, 1, honest.subarray(7))),
    'MODBUS_TIMEOUT',
  ],
  [
    'an answer of a transaction 256 before',
    ({ socket, transaction, honest }) => socket.write(framed((transaction + 0xff00) & 0xffff, 1, honest.subarray(7))),
    'MODBUS_TIMEOUT',
  ],
  [
    'an answer of another unit',
    ({ socket, transaction, honest }) => socket.write(framed(transaction, 2, honest.subarray(7))),
    'MODBUS_BAD_REPLY',
  ],
  [
    'an exception of another unit',
    ({ socket, transaction }) => socket.write(framed(transaction, 2, Buffer.from([0x83, 2]))),
    'MODBUS_BAD_REPLY',
  ],
  [
    'an answer of another function',
    ({ socket, transaction, honest }) => socket.write(framed(transaction, 1, Buffer.from([4, ...honest.subarray(8)]))),
    'MODBUS_BAD_REPLY',
  ],
  [
    'a byte count that lies',
    ({ socket, transaction }) => socket.write(framed(transaction, 1, Buffer.from([3, 2, 0, 9, 0, 9]))),
    'MODBUS_BAD_REPLY',
  ],
  [
    'fewer registers than asked for',
    ({ socket, transaction }) => socket.write(framed(transaction, 1, Buffer.from([3, 2, 0, 9]))),
    'MODBUS_BAD_REPLY',
  ],
  [
    'a length that lies long',
    ({ socket, honest }) =>
      socket.write(Buffer.concat([honest.subarray(0, 4), Buffer.from([0x00, 0xf0]), honest.subarray(6)])),
    'MODBUS_TIMEOUT',
  ],
  [
    'a length past all frames',
    ({ socket, honest }) =>
      socket.write(Buffer.concat([honest.subarray(0, 4), Buffer.from([0x7f, 0xff]), honest.subarray(6)])),
    'MODBUS_BAD_REPLY',
  ],
  [
    'a length that lies short',
    ({ socket, honest }) =>
      socket.write(Buffer.concat([honest.subarray(0, 4), Buffer.from([0, 5]), honest.subarray(6)])),
    'MODBUS_BAD_REPLY',
  ],
  [
    'another protocol',
    ({ socket, honest }) =>
      socket.write(Buffer.concat([honest.subarray(0, 2), Buffer.from([0, 9]), honest.subarray(4)])),
    'MODBUS_BAD_REPLY',
  ],
  ['garbage', ({ socket }) => socket.write(Buffer.alloc(4_000, 0xa5)), 'MODBUS_BAD_REPLY'],
  [
    'one answer after the other to nobody',
    ({ socket, honest }) => socket.write(Buffer.concat(Array(40).fill(framed(0x4242, 1, honest.subarray(7))))),
    'MODBUS_BAD_REPLY',
  ],
  [
    'the answer behind one to nobody',
    ({ socket, honest }) => socket.write(Buffer.concat([framed(0x4242, 1, honest.subarray(7)), honest])),
    'good',
  ],
];

for (const [what, behave, outcome] of HOSTILE) {
  t.test(`${what}: ${outcome === 'good' ? 'is taken' : `gives ${outcome} and ends the connection`}`, (t) =>
    withClient(t, async (client, server, log) => {
      server.behave = behave;
      const started = livedMs();
      const settled: ModbusReply | HeadgateError = await client
        .request(request, TIMEOUT_MS)
        .catch((error: HeadgateError) => error);
      t.ok(livedMs() - started < TIMEOUT_MS + 100, 'settles in time');
      if (outcome === 'good') {
        t.notOk(settled instanceof HeadgateError);
        if (!(settled instanceof HeadgateError)) t.strictSame([...settled.data], [0, 1, 0, 2]);
        t.strictSame(log.down, []);
        return;
      }
      t.match(settled, { code: outcome });
      t.strictSame(
        log.down.map(({ code }) => code),
        [outcome],
        'the owner is told once',
      );
      await t.rejects(
        client.request(request, TIMEOUT_MS),
        { code: 'MODBUS_CONNECTION_LOST' },
        'and the client is not used again',
      );
      await until(() => server.open === 0, { what: 'the socket to be closed' });
    }),
  );
}

t.test('takes an answer that comes byte by byte, as long as all of it comes in time', (t) =>
  withClient(t, async (client, server) => {
    server.behave = ({ socket, honest }) => {
      let at = 0;
      const step = () => {
        if (at < honest.length) socket.write(honest.subarray(at, ++at), () => setImmediate(step));
      };
      step();
    };
    t.strictSame([...(await client.request(request, 1_000)).data], [0, 1, 0, 2]);
  }),
);

t.test('a trickle of bytes does not put the deadline off', (t) =>
  withClient(t, async (client, server) => {
    server.behave = ({ socket, honest }) => {
      let at = 0;
      const timer = setInterval(() => {
        if (at < honest.length - 1) socket.write(honest.subarray(at, ++at));
      }, 15);
      socket.on('close', () => clearInterval(timer));
    };
    const tookMs = await livedMsOf(() => t.rejects(client.request(request, TIMEOUT_MS), { code: 'MODBUS_TIMEOUT' }));
    t.ok(tookMs < TIMEOUT_MS + 100);
  }),
);

t.test('a repeated answer is not taken for the next one', (t) =>
  withClient(t, async (client, server, log) => {
    server.behave = ({ socket, honest }) => socket.write(Buffer.concat([honest, honest]));
    for (let value = 1; value <= 50; value++) {
      server.unit.areas.holding[0] = value;
      const { data } = await client.request(request, 1_000);
      t.equal(data[1], value);
    }
    t.ok(log.strays >= 49 && log.strays <= 50);
    t.strictSame(log.down, []);
  }),
);

t.test('an answer that was cut off and filled up by a repeat of the one before is not believed', (t) =>
  withClient(t, async (client, server, log) => {
    let before: Buffer = Buffer.alloc(0);
    server.behave = ({ socket, honest }) => {
      socket.write(before.length === 0 ? honest : Buffer.concat([honest.subarray(0, -2), before]));
      before = honest;
    };
    await client.request(request, 1_000);
    await t.rejects(client.request(request, 1_000), { code: 'MODBUS_BAD_REPLY' });
    t.equal(log.down.length, 1);
  }),
);

t.test('an answer that came in time is taken even if this process was too busy to look', (t) =>
  withClient(t, async (client, server) => {
    server.behave = ({ socket, honest }) => {
      socket.write(honest, () => {
        const until = livedMs() + TIMEOUT_MS + 50;
        while (livedMs() < until) {
          // Stall.
        }
      });
    };
    t.strictSame([...(await client.request(request, TIMEOUT_MS)).data], [0, 1, 0, 2]);
  }),
);

t.test('gives an exception as a reply', (t) =>
  withClient(t, async (client, server) => {
    server.unit.refuse('holding', 1);
    t.match(await client.request(request, 1_000), { exception: 2 });
    server.unit.allow('holding', 1);
    t.match(await client.request(request, 1_000), { exception: 0 });
  }),
);

t.test('transaction numbers do not wrap at 256', (t) =>
  withClient(t, async (client, server) => {
    for (let i = 1; i <= 300; i++) {
      server.unit.areas.holding[0] = i;
      const { data } = await client.request(request, 1_000);
      t.equal((data[0] ?? 0) * 256 + (data[1] ?? 0), i);
    }
    t.equal(new Set(server.seen.map(({ transaction }) => transaction)).size, 300);
  }),
);

/** Four requests at once, for two registers each from 0, 10, 20 and 30, and what became of them. */
async function four(client: TcpClient, server: TestModbusServer): Promise<(number | string)[]> {
  for (let i = 0; i < 40; i++) server.unit.areas.holding[i] = 1_000 + i;
  const settled = await Promise.allSettled(
    [0, 10, 20, 30].map((offset) => client.request(readRequest(1, { area: 'holding', offset, count: 2 }), TIMEOUT_MS)),
  );
  return settled.map((one) =>
    one.status === 'rejected' ? one.reason.code : Buffer.from(one.value.data).readUInt16BE(0),
  );
}

t.test('several in flight are told apart, in whatever order they are answered', (t) =>
  withClient(
    t,
    async (client, server) => {
      const held: (() => void)[] = [];
      server.behave = ({ socket, honest }) => {
        held.push(() => socket.write(honest));
        if (held.length === 4) for (const answer of held.reverse()) answer();
      };
      t.strictSame(await four(client, server), [1_000, 1_010, 1_020, 1_030]);
    },
    4,
  ),
);

t.test('of several in flight the one that is not answered is given up alone', (t) =>
  withClient(
    t,
    async (client, server, log) => {
      let late = () => {};
      server.behave = ({ socket, honest, offset }) => {
        if (offset !== 10) socket.write(honest);
        else late = () => socket.write(honest);
      };
      t.strictSame(await four(client, server), [1_000, 'MODBUS_TIMEOUT', 1_020, 1_030]);
      late();
      await until(() => log.strays === 1, { what: 'the late answer, which nobody takes' });
      t.strictSame(log.down, []);
    },
    4,
  ),
);

t.test('an answer that was cut off and filled up by the next one is not believed', (t) =>
  withClient(
    t,
    async (client, server, log) => {
      server.behave = ({ socket, honest, offset }) => socket.write(offset === 0 ? honest.subarray(0, 10) : honest);
      const [first, ...others] = await four(client, server);
      t.match(first, /^MODBUS_/);
      for (const one of others) t.match(String(one), /^(MODBUS_|10[123]0$)/, 'right, or none');
      t.equal(log.down.length, 1);
    },
    4,
  ),
);

t.test('nor when the next one comes byte by byte', (t) =>
  withClient(
    t,
    async (client, server, log) => {
      const begun: SeenRequest[] = [];
      server.behave = (request) => begun.push(request);
      const outcomes = four(client, server);
      await until(() => begun.length === 4, { what: 'four requests' });
      const [first, second] = begun as [SeenRequest, SeenRequest];
      first.socket.write(first.honest.subarray(0, -2));
      for (const byte of second.honest) {
        await new Promise(setImmediate);
        first.socket.write(Uint8Array.of(byte));
      }
      for (const one of await outcomes) t.match(String(one), /^MODBUS_/, 'none');
      t.equal(log.down[0]?.code, 'MODBUS_BAD_REPLY');
    },
    4,
    new FakeClock(),
  ),
);

t.test('an answer is believed though nothing follows it and others stay unanswered', (t) =>
  withClient(
    t,
    async (client, server) => {
      server.behave = ({ socket, honest, offset }) => offset === 20 && socket.write(honest);
      const outcomes = await four(client, server);
      t.equal(outcomes[2], 1020);
    },
    4,
  ),
);

/** A connection of one request at a time on which unit 9 is still to answer, and a request to unit 1 past it. */
async function sentPast(client: TcpClient, server: TestModbusServer) {
  const begun: SeenRequest[] = [];
  server.behave = (seen) => begun.push(seen);
  const outlived = client.request(readRequest(9, { area: 'holding', offset: 0, count: 1 }), 10 * TIMEOUT_MS);
  const next = client.request(request, 10 * TIMEOUT_MS);
  const outcome = (one: Promise<ModbusReply>) =>
    one.then(
      ({ data }) => Buffer.from(data).toString('hex'),
      ({ code }: HeadgateError) => code,
    );
  const outcomes = [outcome(outlived), outcome(next)] as const;
  await until(() => begun.length === 2, { what: 'two requests' });
  const [first, second] = begun as [SeenRequest, SeenRequest];
  return { outcomes, first, second };
}

t.test('of one at a time, an answer is believed at once though another unit still owes one', (t) => {
  const clock = new FakeClock();
  const body = async (client: TcpClient, server: TestModbusServer) => {
    const { outcomes, second } = await sentPast(client, server);
    second.socket.write(second.honest);
    t.equal(await outcomes[1], '00010002', 'while no time passes');
  };
  return withClient(t, body, 1, clock);
});

t.test('but not if the answer that is owed has filled it up', (t) => {
  // No time passes between the two pieces, however long the machine takes.
  const body = async (client: TcpClient, server: TestModbusServer, log: { down: HeadgateError[] }) => {
    const { outcomes, first, second } = await sentPast(client, server);
    second.socket.write(Buffer.concat([second.honest.subarray(0, -2), first.honest.subarray(0, 2)]));
    await new Promise(setImmediate);
    second.socket.write(first.honest.subarray(2));
    for (const outcome of await Promise.all(outcomes)) t.match(outcome, /^MODBUS_/);
    t.equal(log.down[0]?.code, 'MODBUS_BAD_REPLY');
  };
  return withClient(t, body, 1, new FakeClock());
});

t.test('requests of different time-outs expire each at its own, on one timer', (t) => {
  const clock = new FakeClock();
  const body = async (client: TcpClient, server: TestModbusServer) => {
    server.behave = ({ socket, honest, offset }) => offset === 0 && socket.write(honest);
    const ended: string[] = [];
    const ask = (offset: number, timeoutMs: number) =>
      client.request(readRequest(1, { area: 'holding', offset, count: 1 }), timeoutMs).then(
        () => ended.push(`${offset} answered`),
        ({ code }: HeadgateError) => ended.push(`${offset} ${code} at ${clock.monotonic()}`),
      );
    const waiting = [ask(10, 300), ask(20, 100), ask(30, 200)];
    waiting.push(ask(0, 1_000));
    await until(() => server.seen.length === 4 && clock.pendingTimers === 2, { what: 'a deadline, and a doubt' });
    for (let ms = 0; ms < 300; ms += 50) await clock.advance(50);
    await Promise.all(waiting);
    t.equal(clock.pendingTimers, 0);
    t.match(ended.slice(0, 3), ['0 answered', '20 MODBUS_TIMEOUT at 100', '30 MODBUS_TIMEOUT at 200']);
    t.match(ended[3], /^10 MODBUS_TIMEOUT at 300$/);
  };
  return withClient(t, body, 4, clock);
});

t.test('an answer whose number is off by a little is taken by nobody', (t) =>
  withClient(
    t,
    async (client, server) => {
      server.behave = ({ socket, honest, transaction, offset }) => {
        const by = [1, -1, 256, -256][offset / 10] ?? 0;
        socket.write(framed((transaction + by) & 0xffff, 1, honest.subarray(7)));
      };
      for (const one of await four(client, server)) t.match(one, /^MODBUS_/);
    },
    4,
  ),
);

t.test('a refused connection is told as such', async (t) => {
  const server = await TestModbusServer.start();
  await server.close();
  const down: HeadgateError[] = [];
  const client = new TcpClient({
    ...{ host: '127.0.0.1', port: server.port, connectTimeoutMs: 1_000, maxInFlight: 1, clock: livedClock },
    onDown: (error) => down.push(error),
    onStray: () => {},
  });
  await t.rejects(client.open(), { code: 'MODBUS_CONNECT_FAILED' });
  t.strictSame(down, []);
});

t.test('a connection that is not established in time is given up', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  const clock = new FakeClock();
  const client = new TcpClient({
    ...{ host: '127.0.0.1', port: server.port, connectTimeoutMs: 1_000, maxInFlight: 1, clock },
    onDown: () => t.fail('told of a connection that never was'),
    onStray: () => {},
  });
  const opening = t.rejects(client.open(), { code: 'MODBUS_CONNECT_FAILED', message: /no answer within 1000 ms/ });
  await clock.advance(1_000);
  await opening;
  t.equal(clock.pendingTimers, 0);
});
