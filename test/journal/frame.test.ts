import fc from 'fast-check';
import t from 'tap';
import { decodeHeads, FrameBuilder, type FrameHead, frameChecksum } from '../../src/journal/frame.ts';

const NOW = 1_700_000_000_000;

type Event = FrameHead & { readonly payload: Uint8Array };

/** Events with what columns are narrow, wide and of doubles for. */
const events: fc.Arbitrary<Event[]> = fc
  .array(
    fc.record({
      step: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 70_000 }), fc.constant(2 ** 40)),
      recorded: fc.oneof(fc.constant(NOW), fc.integer({ min: -(2 ** 40), max: 2 ** 41 })),
      time: fc.oneof(
        fc.constant(NOW),
        fc.integer({ min: 0, max: 2 ** 41 }),
        fc.double({ min: 0, max: 2e12, noNaN: true }),
      ),
      stream: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100_000 })),
      list: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
      payload: fc.uint8Array({ maxLength: 400 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((made) => {
    let sequence = 0;
    return made.map(({ step, ...event }) => {
      sequence += step;
      return { ...event, sequence };
    });
  });

function build(made: readonly Event[]) {
  const builder = new FrameBuilder();
  for (const { payload, ...head } of made) builder.add(head, payload);
  const row = builder.take();
  return { ...row, heads: row.heads.slice(), payload: row.payload.slice() };
}

t.test('a frame has its events again, whatever their numbers are', (t) => {
  fc.assert(
    fc.property(events, (made) => {
      const row = build(made);
      t.equal(row.first, made[0]?.sequence);
      t.equal(row.first + row.span, made.at(-1)?.sequence);
      t.equal(row.checksum, frameChecksum(row));
      const heads = decodeHeads(row);
      const found = made.map((_, i) => ({
        sequence: heads.sequences[i],
        recorded: heads.recorded[i],
        time: heads.times[i],
        stream: heads.streams[i],
        list: heads.lists[i],
        payload: row.payload.slice(heads.ends[i - 1] ?? 0, heads.ends[i]),
      }));
      t.same(found, made);
      const times = made.map(({ time }) => time);
      t.equal(row.time, Math.min(...times));
      t.ok(row.time + row.timeSpan <= Math.max(...times) * (1 + Number.EPSILON));
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test('a flipped bit anywhere in a frame changes its checksum', (t) => {
  const row = build(Array.from({ length: 5 }, (_, i) => event(i + 1, 20)));
  for (const part of ['heads', 'payload'] as const) {
    for (let bit = 0; bit < row[part].length * 8; bit++) {
      const bytes = row[part].slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (frameChecksum({ ...row, [part]: bytes }) === row.checksum) t.fail(`bit ${bit} of ${part}`);
    }
  }
  for (const part of ['first', 'span', 'count', 'recorded', 'time', 'timeSpan'] as const) {
    t.not(frameChecksum({ ...row, [part]: row[part] + 1 }), row.checksum, part);
  }
  t.end();
});

t.test('heads that are not as they were written are damage, never another error', (t) => {
  const made = [event(1, 20), { ...event(9, 30), list: 7, time: NOW + 0.5 }, event(70_000, 10)];
  const row = build(made);
  fc.assert(
    fc.property(
      fc.nat(row.heads.length),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.oneof(fc.constant(3), fc.integer(), fc.double()),
      (at, noise, count) => {
        const heads = row.heads.slice();
        heads.set(noise.subarray(0, heads.length - at), at);
        try {
          decodeHeads({ ...row, heads, count });
        } catch (error) {
          t.equal((error as Error).name, 'DamageError');
        }
      },
    ),
    { numRuns: 500 },
  );
  t.throws(() => decodeHeads({ ...row, heads: row.heads.subarray(0, 10) }), { name: 'DamageError' });
  t.end();
});

t.test('a frame is full at 64 KiB or 1,024 events, and one event may be larger', (t) => {
  const builder = new FrameBuilder();
  const kilobyte = new Uint8Array(1024);
  for (let i = 0; i < 64; i++) builder.add(event(i + 1, 0), kilobyte);
  t.notOk(builder.hasRoomFor(Uint8Array.of(1)));
  t.ok(builder.hasRoomFor(new Uint8Array(0)));
  t.equal(builder.take().payload.length, 65_536);
  for (let i = 0; i < 1024; i++) {
    t.ok(builder.hasRoomFor(Uint8Array.of(1)));
    builder.add(event(i + 1, 0), Uint8Array.of(1));
  }
  t.notOk(builder.hasRoomFor(Uint8Array.of(1)));
  t.equal(builder.take().count, 1024);
  t.ok(builder.hasRoomFor(new Uint8Array(1_048_576)));
  builder.add(event(1, 0), new Uint8Array(1_048_576).fill(7));
  t.notOk(builder.hasRoomFor(new Uint8Array(0)));
  const large = builder.take();
  t.equal(large.payload.length, 1_048_576);
  t.same([...decodeHeads(large).ends], [1_048_576]);
  t.ok(builder.isEmpty);
  t.end();
});

function event(sequence: number, bytes: number): Event {
  const payload = Uint8Array.from({ length: bytes }, (_, i) => (sequence * 31 + i * 7) & 0xff);
  return { sequence, recorded: NOW, time: NOW + sequence, stream: 1 + (sequence % 3), list: 0, payload };
}
