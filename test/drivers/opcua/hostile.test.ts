import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { until } from '../../support/until.ts';
import { harness, tag } from './harness.ts';

/** An acknowledge message with these five numbers. Source: OPC 10000-6 §7.1.2.4. */
function acknowledge(numbers: readonly number[]): Buffer {
  const message = Buffer.alloc(28);
  message.write('ACKF');
  message.writeUInt32LE(28, 4);
  for (const [index, number] of numbers.entries()) message.writeUInt32LE(number, 8 + 4 * index);
  return message;
}

const HOSTILE: readonly [what: string, answer: (socket: Socket) => void, reason: RegExp][] = [
  ['says nothing', () => undefined, /connecting at .* took longer than 500 ms/],
  ['closes', (socket) => socket.destroy(), /the server closed the connection|handshake/],
  ['resets', (socket) => socket.resetAndDestroy(), /handshake|ECONNRESET/],
  ['speaks HTTP', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /is it an OPC UA port/],
  [
    'acknowledges buffers of no size',
    (socket) => socket.write(acknowledge([0, 0, 0, 0, 0])),
    /connecting|cannot connect/,
  ],
  [
    'announces a message of 4 GB',
    (socket) => {
      socket.write(acknowledge([0, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]));
      socket.write(Buffer.from('OPNF\xf0\xff\xff\xff', 'latin1'));
    },
    /connecting|cannot connect/,
  ],
];

for (const [what, answer, reason] of HOSTILE) {
  t.test(`a server that ${what} is a reason to try again, and no more`, async (t) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).once('data', () => answer(socket));
    }).listen(0, '127.0.0.1');
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(server, 'listening');
    const endpoint = `opc.tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // Short where it has to run out.
    const connectTimeoutMs = reason.test('connecting at this server took longer than 500 ms') ? 500 : 10_000;
    const config = { endpoint, connect_timeout_ms: connectTimeoutMs };
    const h = await harness({ config, tags: [tag('a', 'i=2258')] });
    await h.driver.start();
    await until(() => h.states.filter(({ state }) => state === 'disconnected').length >= 2, { what: 'two attempts' });
    t.match(h.states.at(-1)?.reason, reason);
    await h.driver.stop();
    t.equal(h.readings('a').length, 1);
  });
}
