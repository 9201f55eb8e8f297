import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../../src/ports/system-clock.ts';
import { loadWireRecordings } from '../../../src/simulate/wire/load-wire.ts';
import { pairExchanges } from '../../../src/simulate/wire/wire-exchange.ts';
import type { WireFraming } from '../../../src/simulate/wire/wire-frame.ts';
import { readFrame } from '../../../src/simulate/wire/wire-frame.ts';
import { encodeWireFrame, encodeWireHeader } from '../../../src/simulate/wire/wire-lines.ts';
import { WirePlayer } from '../../../src/simulate/wire/wire-player.ts';
import { startWireSimulation } from '../../../src/simulate/wire/wire-simulation.ts';
import { recordingObserver } from '../../support/observer.ts';
import { scratch } from '../support.ts';
import { mbap } from './capture.ts';

type Step = readonly [atMs: number, by: 'q' | 'a', bytes: Buffer];

function lines(steps: readonly Step[], framing: WireFraming = 'tcp'): string {
  const header = encodeWireHeader({ link: 'tcp://10.0.0.5:502', framing, began: null });
  return `${header}${steps
    .map(([atMs, by, bytes]) => encodeWireFrame({ atMs, connection: 0, isRequest: by === 'q', bytes }))
    .join('')}`;
}

async function loaded(t: Test, text: string) {
  const path = join(await scratch(t), 'meter.wire.jsonl');
  await writeFile(path, text);
  return loadWireRecordings(path);
}

const CHANGING: readonly Step[] = [
  [0, 'q', mbap(1, 7, '0300640002')],
  [0.5, 'a', mbap(1, 7, '030400010002')],
  [1_000, 'q', mbap(2, 7, '0300640002')],
  [1_000.5, 'a', mbap(2, 7, '030400030004')],
  [1_500, 'q', mbap(3, 7, '0100000009')],
  [1_500.5, 'a', mbap(3, 7, '01020501')],
  [2_000, 'q', mbap(4, 7, '0300640002')],
  [2_000.5, 'a', mbap(4, 7, '8304')],
  [3_000, 'q', mbap(5, 7, '0300640002')],
  [4_000, 'q', mbap(6, 7, '0300640002')],
  [4_000.5, 'a', mbap(6, 7, '030400090009')],
  [5_000, 'q', mbap(7, 9, '0400000001')],
  [5_000.5, 'a', mbap(7, 9, '040200ff')],
];

const ANSWERS: readonly (readonly [
  what: string,
  atMs: number,
  unit: number,
  request: string,
  answer: string | null,
])[] = [
  ['before its first time a request gets its first answer', 0, 7, '0300640002', '030400010002'],
  ['then the last one before the moment', 1_200, 7, '0300640002', '030400030004'],
  ['an exception as it was recorded', 2_100, 7, '0300640002', '8304'],
  ['silence as it was recorded', 3_500, 7, '0300640002', null],
  ['and what came after it', 4_500, 7, '0300640002', '030400090009'],
  ['another block is read from the registers of that moment', 1_200, 7, '0300650001', '03020004'],
  ['bits too', 1_600, 7, '0100020007', '010141'],
  ['an address that was never read is refused', 1_200, 7, '0300640003', '8302'],
  ['a count that no unit takes is refused', 1_200, 7, '03006400ff', '8303'],
  ['a function that was never asked is refused', 1_200, 7, '06006400ff', '8601'],
  ['a unit that was never asked is answered for as a gateway does', 1_200, 8, '0300640002', '830b'],
  ['a register has its first value before its first time', 0, 9, '0400000001', '040200ff'],
];

t.test('a recorded wire answers', async (t) => {
  const [recording] = await loaded(t, lines(CHANGING));
  const { exchanges } = pairExchanges(recording as NonNullable<typeof recording>);
  for (const [what, atMs, unit, request, answer] of ANSWERS) {
    const player = new WirePlayer(exchanges);
    player.seek(4_900);
    player.seek(atMs);
    const { pdu } = player.answer(unit, Buffer.from(request, 'hex'));
    t.equal(pdu === null ? null : Buffer.from(pdu).toString('hex'), answer, what);
  }
});

const SAME: readonly (readonly [framing: WireFraming, request: string, reply: string])[] = [
  ['tcp', mbap(1, 17, '03006b0003').toString('hex'), mbap(1, 17, '0306022b00000064').toString('hex')],
  ['rtu', '1103006b00037687', '110306022b00000064c8ba'],
  [
    'ascii',
    Buffer.from(':1103006B00037E\r\n', 'latin1').toString('hex'),
    Buffer.from(':110306022B0000006455\r\n', 'latin1').toString('hex'),
  ],
];

t.test('frames of every framing are the same exchange', async (t) => {
  for (const [framing, request, reply] of SAME) {
    const [recording] = await loaded(
      t,
      lines(
        [
          [0, 'q', Buffer.from(request, 'hex')],
          [30, 'a', Buffer.from(reply, 'hex')],
        ],
        framing,
      ),
    );
    const { exchanges } = pairExchanges(recording as NonNullable<typeof recording>);
    t.same(
      exchanges.map(({ unit, request, reply }) => [unit, Buffer.from(request), Buffer.from(reply ?? [])]),
      [[17, Buffer.from('03006b0003', 'hex'), Buffer.from('0306022b00000064', 'hex')]],
      framing,
    );
    const damaged = Buffer.from(reply, 'hex');
    damaged[damaged.length - 3] = (damaged[damaged.length - 3] ?? 0) ^ 1;
    if (framing !== 'tcp') t.equal(readFrame(framing, damaged), null, `${framing}: a wrong checksum`);
  }
});

t.test('served over TCP, answers come in order, each as late as it was', async (t) => {
  const recordings = await loaded(
    t,
    lines([
      [0, 'q', mbap(1, 7, '0300000001')],
      [60, 'a', mbap(1, 7, '0302aaaa')],
      [100, 'q', mbap(2, 7, '0300010001')],
      [100.2, 'a', mbap(2, 7, '0302bbbb')],
    ]),
  );
  const simulation = await startWireSimulation({
    recordings,
    speed: 1,
    loop: false,
    host: '127.0.0.1',
    ports: {},
    clock: systemClock,
    observer: recordingObserver(),
  });
  t.teardown(() => simulation.close());
  const [endpoint] = simulation.endpoints;
  t.match(endpoint, { link: 'tcp://10.0.0.5:502', units: [7], exchanges: 2, unusedFrames: 0 });
  const socket = connect(endpoint?.port ?? 0, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const began = performance.now();
  const both = Buffer.concat([mbap(258, 7, '0300000001'), mbap(259, 7, '0300010001')]);
  socket.write(both.subarray(0, 15));
  socket.write(both.subarray(15));
  let got = Buffer.alloc(0);
  while (got.length < 22) got = Buffer.concat([got, (await once(socket, 'data'))[0] as Buffer]);
  t.equal(got.toString('hex'), Buffer.concat([mbap(258, 7, '0302aaaa'), mbap(259, 7, '0302bbbb')]).toString('hex'));
  t.ok(performance.now() - began >= 59, 'not before its time');
  socket.write('no modbus at all');
  await once(socket, 'close');
});

const BROKEN: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ['nothing', '', /line 1: the file is empty/],
  ['no header', '{"t":0,"q":"00"}\n', /line 1: the format is undefined/],
  ['another format', '{"format":"headgate-wire/9"}\n', /line 1: the format is "headgate-wire\/9"/],
  [
    'another framing',
    '{"format":"headgate-wire/1","link":"x","framing":"can"}\n',
    /"framing" must be tcp, rtu or ascii/,
  ],
  ['odd digits', `${lines([])}{"t":1,"q":"abc"}\n`, /line 2: a frame is written as hexadecimal/],
  ['both directions', `${lines([])}{"t":1,"q":"ab","a":"ab"}\n`, /line 2: a frame has either/],
  ['a negative time', `${lines([])}{"t":-1,"q":"ab"}\n`, /line 2: "t" must be/],
  ['damage in the middle', `${lines([])}{"t":1,"q\n{"t":1,"q":"ab"}\n`, /line 2: no JSON object/],
];

t.test('a recording that cannot be read is refused with its line', async (t) => {
  for (const [what, text, says] of BROKEN) {
    await t.rejects(loaded(t, text), { code: 'WIRE_UNREADABLE', message: says }, what);
  }
});

t.test('a recording that was killed is read up to its last whole line', async (t) => {
  const [recording] = await loaded(t, `${lines(CHANGING)}{"t":6000,"q":"0001`);
  t.equal(recording?.frames.length, CHANGING.length);
});

t.test('a recording without frames is said to be empty', async (t) => {
  await t.rejects(loaded(t, lines([])), { code: 'WIRE_EMPTY' });
});
