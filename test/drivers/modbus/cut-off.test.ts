import fc from 'fast-check';
import t from 'tap';
import { endsLikeAnswer, holdsHead } from '../../../src/drivers/modbus/cut-off.ts';
import { readRequest } from '../../../src/drivers/modbus/frame.ts';

const HEAD_BYTES = 8;
const request = readRequest(9, { area: 'holding', offset: 0, count: 4 });

/** An answer to a read of so many bytes. */
function answer(transaction: number, unit: number, data: Uint8Array): Buffer {
  const head = [transaction >>> 8, transaction & 0xff, 0, 0, 0, data.length + 3, unit, 3, data.length];
  return Buffer.concat([Buffer.from(head), data]);
}

const answers = fc.record({
  own: fc.integer({ min: 0, max: 0xffff }),
  other: fc.integer({ min: 0, max: 0xffff }),
  // Zeros are what a head could hide among.
  data: fc.uint8Array({ minLength: 8, maxLength: 250 }).map((data) => data.map((byte) => (byte < 128 ? 0 : byte))),
});

t.test(
  'an answer that was cut off anywhere and filled up by another one is seen, by its whole head or by its end',
  async (t) => {
    fc.assert(
      fc.property(answers, fc.nat(), ({ own, other, data }, cut) => {
        const whole = answer(own, 1, data);
        const next = answer(other, 9, data);
        const kept = HEAD_BYTES + (cut % (whole.length - HEAD_BYTES));
        const frame = Buffer.concat([whole.subarray(0, kept), next]).subarray(0, whole.length);
        const isHeadWhole = frame.length - kept >= HEAD_BYTES;
        const isHeld = holdsHead(frame, (transaction, unit, code) => transaction === other && unit === 9 && code === 3);
        return (isHeld || !isHeadWhole) && endsLikeAnswer(frame, other, request);
      }),
    );
    t.pass();
  },
);

t.test('the same heads are found as by looking at every place', async (t) => {
  const slowly = (frame: Uint8Array, heads: string[]) => {
    for (let at = HEAD_BYTES; at + HEAD_BYTES <= frame.length; at++) {
      const [high, low, ...rest] = frame.subarray(at, at + HEAD_BYTES) as Uint8Array & number[];
      const isHead = rest[0] === 0 && rest[1] === 0 && rest[2] === 0 && (rest[3] ?? 0) >= 3;
      if (isHead) heads.push(`${((high ?? 0) << 8) | (low ?? 0)} ${rest[4]} ${(rest[5] ?? 0) & 0x7f}`);
    }
  };
  const bytes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { minLength: 8, maxLength: 260 });
  fc.assert(
    fc.property(bytes, (list) => {
      const frame = Uint8Array.from(list);
      const wanted: string[] = [];
      slowly(frame, wanted);
      const found: string[] = [];
      holdsHead(frame, (transaction, unit, code) => {
        found.push(`${transaction} ${unit} ${code}`);
        return false;
      });
      return found.join() === wanted.join();
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('what ends otherwise is nobody else’s', async (t) => {
  t.notOk(endsLikeAnswer(answer(0x1234, 1, Uint8Array.of(0, 0, 0, 1)), 0x9e37, request));
  t.ok(endsLikeAnswer(answer(0x1234, 1, Uint8Array.of(0, 0, 0, 0x9e)), 0x9e37, request), 'one byte is enough to doubt');
});
