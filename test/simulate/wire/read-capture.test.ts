import t from 'tap';
import { readCapture } from '../../../src/simulate/wire/read-capture.ts';
import { pairExchanges } from '../../../src/simulate/wire/wire-exchange.ts';
import { conversation, mbap, pcap, pcapNg } from './capture.ts';

const READ = '0300000002';
const ANSWER = '030400010002';
const STEPS = conversation([
  [1_000, 'q', mbap(1, 7, READ)],
  [1_012, 'a', mbap(1, 7, ANSWER)],
  [2_000, 'q', mbap(2, 7, READ)],
  [2_030, 'a', mbap(2, 7, '8306')],
]);

const FORMS: readonly (readonly [what: string, file: Buffer])[] = [
  ['pcap, little endian, microseconds', pcap(STEPS)],
  ['pcap, big endian, nanoseconds', pcap(STEPS, { big: true, nano: true })],
  ['pcap with VLAN tags', pcap(STEPS, { vlan: true })],
  ['pcapng with nanoseconds', pcapNg(STEPS)],
];

for (const [what, file] of FORMS) {
  t.test(`reads ${what}`, async (t) => {
    const [recording, ...others] = readCapture(file, 'x.pcap');
    t.same(others, []);
    t.equal(recording?.link, 'tcp://10.0.0.5:502');
    t.equal(recording?.began, '1970-01-01T00:00:01.000Z');
    const { exchanges, damagedFrames, strayReplies } = pairExchanges(recording as NonNullable<typeof recording>);
    t.same({ damagedFrames, strayReplies }, { damagedFrames: 0, strayReplies: 0 });
    t.same(
      exchanges.map(({ atMs, unit, request, reply, latencyMs }) => [
        Math.round(atMs),
        unit,
        Buffer.from(request).toString('hex'),
        reply === null ? null : Buffer.from(reply).toString('hex'),
        Math.round(latencyMs ?? -1),
      ]),
      [
        [0, 7, READ, ANSWER, 12],
        [1_000, 7, READ, '8306', 30],
      ],
    );
  });
}

const framesOf = (file: Buffer, ports?: ReadonlySet<number>) =>
  readCapture(file, 'x', ports).flatMap(({ frames }) =>
    frames.map(({ isRequest, bytes }) => `${isRequest ? 'q' : 'a'} ${Buffer.from(bytes.subarray(7)).toString('hex')}`),
  );

t.test(
  'a frame in several segments, several frames in one, repeats and early segments come out as they were sent',
  async (t) => {
    const both = Buffer.concat([mbap(1, 7, ANSWER), mbap(2, 7, '830b')]);
    const [request, first, second, third] = conversation([
      [0, 'q', Buffer.concat([mbap(1, 7, READ), mbap(2, 7, READ)])],
      [10, 'a', both.subarray(0, 5)],
      [11, 'a', both.subarray(5, 16)],
      [12, 'a', both.subarray(16)],
    ]);
    const parts = [request, first, third, first, second, second, third].filter((part) => part !== undefined);
    t.same(framesOf(pcap(parts)), [`q ${READ}`, `q ${READ}`, `a ${ANSWER}`, 'a 830b']);
  },
);

t.test('frames after bytes that were not captured are read again', async (t) => {
  const steps = conversation(Array.from({ length: 40 }, (_, i) => [i * 10, 'q', mbap(i + 1, 7, READ)] as const));
  t.equal(framesOf(pcap(steps.filter((_, i) => i !== 3))).length, 39);
});

t.test('what is no Modbus at a Modbus port is passed over', async (t) => {
  const steps = conversation([
    [0, 'q', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    [5, 'q', mbap(1, 7, READ)],
  ]);
  t.same(framesOf(pcap(steps)), [`q ${READ}`]);
});

t.test('servers at another port are found when it is named', async (t) => {
  const moved = STEPS.map((step) => ({
    ...step,
    from: [step.from[0], step.from[1] === 502 ? 5020 : step.from[1]] as const,
    to: [step.to[0], step.to[1] === 502 ? 5020 : step.to[1]] as const,
  }));
  t.same(framesOf(pcap(moved)), []);
  t.equal(framesOf(pcap(moved), new Set([5020])).length, 4);
});

t.test('a capture that ends in the middle of a packet gives what came before', async (t) => {
  const file = pcap(STEPS);
  t.equal(framesOf(file.subarray(0, file.length - 3)).length, 3);
});

t.test('what is no capture is refused with its place', async (t) => {
  t.throws(() => readCapture(Buffer.alloc(40, 1), 'x.pcap'), { code: 'WIRE_UNREADABLE', message: /x\.pcap, byte 0/ });
  t.throws(() => readCapture(Buffer.alloc(3), 'x.pcap'), { code: 'WIRE_UNREADABLE' });
  const lying = pcap(STEPS);
  lying.writeUInt32LE(0x7fffffff, 24 + 8);
  t.throws(() => readCapture(lying, 'x.pcap'), { code: 'WIRE_UNREADABLE', message: /byte 24: a packet of/ });
});

t.test('requests whose answer the end of the capture cut off are no silence; others are', async (t) => {
  const [recording] = readCapture(
    pcap(
      conversation([
        [0, 'q', mbap(1, 7, READ)],
        [100, 'q', mbap(2, 7, READ)],
        [150, 'a', mbap(2, 7, ANSWER)],
        [180, 'q', mbap(3, 7, READ)],
      ]),
    ),
    'x',
  );
  t.same(
    pairExchanges(recording as NonNullable<typeof recording>).exchanges.map(({ atMs, latencyMs }) => [
      Math.round(atMs),
      latencyMs === null ? null : Math.round(latencyMs),
    ]),
    [
      [0, null],
      [100, 50],
    ],
  );
});
