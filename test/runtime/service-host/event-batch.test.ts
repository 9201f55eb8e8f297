import fc from 'fast-check';
import t from 'tap';
import type { HeadgateEvent } from '../../../src/model/event.ts';
import { decodeEvent, encodeEvent } from '../../../src/model/event-codec.ts';
import type { TagList, TelemetryReport } from '../../../src/model/telemetry.ts';
import { packBatch, unpackBatch } from '../../../src/runtime/service-host/event-batch.ts';
import { int16List, plainEvent, report } from '../../support/events.ts';

const stored = (sequence: number, draft = plainEvent(sequence), list: TagList | null = null) => ({
  sequence,
  lane: draft.lane,
  recordedtime: 1_700_000_000_000.25 + sequence,
  bytes: encodeEvent(draft),
  list,
});

t.test('what is packed is unpacked, list by list', async (t) => {
  const first = int16List('pump', 3);
  const second = int16List('press', 2);
  const sent = new Set<string>();
  const known = new Map<string, TagList>();
  const events = [
    stored(1),
    stored(2, report(first, [1, 2, 3]), first),
    stored(5, report(second, [4, 5]), second),
    stored(6, report(first, [7, 8, 9]), first),
  ];
  const batch = packBatch(9, events, [1, 2, 3, 1], sent);
  t.equal(batch.newLists.length, 2);
  const unpacked = unpackBatch(structuredClone(batch, { transfer: [batch.table.buffer, batch.bytes.buffer] }), known);
  t.same(
    unpacked.map(({ feeds, ...event }) => ({ ...event, bytes: [...event.bytes] })),
    events.map((event) => ({ ...event, bytes: [...event.bytes] })),
  );
  t.same(
    unpacked.map(({ feeds }) => feeds),
    [1, 2, 3, 1],
  );
  const third = unpacked[3];
  const decoded = third && (decodeEvent(third, 'j') as HeadgateEvent<TelemetryReport>);
  t.equal(decoded?.data.value(2), 9);
  const again = packBatch(10, [stored(7, report(first, [0, 0, 0]), first)], [1], sent);
  t.equal(again.newLists.length, 0, 'a list travels once');
  t.equal(unpackBatch(again, known)[0]?.list?.id, first.id);
});

t.test('bytes of any length come out as they went in', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (all) => {
      const events = all.map((bytes, i) => ({ ...stored(i + 1), bytes }));
      const out = unpackBatch(
        packBatch(
          1,
          events,
          all.map(() => 1),
          new Set(),
        ),
        new Map(),
      );
      return (
        out.length === all.length && out.every((event, i) => Buffer.compare(event.bytes, all[i] ?? event.bytes) === 0)
      );
    }),
  );
  t.pass('as said');
});

t.test('the memory of sent lists is bounded: the worker is told to forget', async (t) => {
  const sent = new Set(Array.from({ length: 5_001 }, (_, i) => String(i)));
  const list = int16List('pump', 1);
  const batch = packBatch(1, [stored(1, report(list, [1]), list)], [1], sent);
  t.equal(batch.forgetLists, true);
  const known = new Map([['old', list]]);
  t.equal(unpackBatch(batch, known)[0]?.list?.id, list.id);
  t.same([...known.keys()], [list.id]);
});
