import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import type { EventDraft } from '../../src/model/event.ts';
import { encodeCbor } from '../../src/model/event-codec.ts';
import { type TagList, TelemetryReport } from '../../src/model/telemetry.ts';
import type { CommittedEvent, StoredEvent } from '../../src/ports/journal.ts';
import { decodeBatch, type ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import { BatchEncoder } from '../../src/sinks/batch-encoder.ts';
import { coverageEventJson } from '../../src/sinks/coverage-event.ts';
import { int16List, plainEvent, report } from '../support/events.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryJournal } from '../support/memory-journal.ts';

const encoder = (encoding: 'cbor' | 'json', compression: 'zstd' | 'gzip' | 'none') =>
  new BatchEncoder({ journalId: 'j1', gateway: 'gw', sink: 'up', encoding, compression });

function stored(drafts: readonly EventDraft[]): readonly CommittedEvent[] {
  const journal = new MemoryJournal({ journalId: 'j1', now: () => 1_700_000_100_000 });
  journal.commit(drafts.map((draft) => ({ ...draft, lane: 'bulk' as const })));
  return journal.events;
}

/** As read back from the disk: no event beside the bytes. */
const bare = (events: readonly CommittedEvent[]): StoredEvent[] => events.map(({ event, ...rest }) => rest);

const COVERAGE = { lane: 'bulk', first: 1, last: 99, absent: [{ first: 120, last: 130 }], settled: 0 } as const;
const LIST = int16List('press', 4);
const SAMPLE: readonly EventDraft[] = [
  report(LIST, [1, -2, 3, 32_767]),
  plainEvent(7, { lane: 'critical', correlationid: 'c', dataschema: '/schemas/1', partitionkey: 'k' }),
  report(LIST, [4, 5, 6, 7], 1_700_000_001_000),
];

/** All that a receiver sees of an event; the JSON form always names the stream. */
const attributes = (event: ReceivedEvent) => [
  [event.id, event.sequence, event.source, event.type, event.subject, event.time, event.recordedtime],
  [event.dataschema, event.correlationid, event.causationid, event.traceparent],
  event.partitionkey ?? event.subject,
  JSON.stringify(event.data),
];

for (const encoding of ['cbor', 'json'] as const) {
  for (const compression of ['zstd', 'gzip', 'none'] as const) {
    t.test(`${encoding} with ${compression}: what comes back is what was stored`, async (t) => {
      const events = stored(SAMPLE);
      const payload = await encoder(encoding, compression).encode(
        { events: bare(events), historical: true, coverage: COVERAGE },
        42,
      );
      const batch = await decodeBatch(payload);
      t.match(batch, { journalId: 'j1', gateway: 'gw', sink: 'up', sent: 42, historical: true, coverage: COVERAGE });
      t.same(
        batch.events.map(attributes),
        events.map(({ event }) => attributes(event)),
      );
    });
  }
}

t.test('the reports of a CBOR batch are reports again', async (t) => {
  const payload = await encoder('cbor', 'zstd').encode(
    { events: bare(stored(SAMPLE)), historical: false, coverage: COVERAGE },
    42,
  );
  const [first] = (await decodeBatch(payload)).events;
  t.ok(first?.data instanceof TelemetryReport && first.data.value(3) === 32_767 && first.data.list.id === LIST.id);
  t.equal(first?.lane, 'bulk');
});

t.test('an uncompressed JSON batch is plain JSON, a CBOR batch says that it is CBOR', async (t) => {
  const events = stored(SAMPLE);
  const json = await encoder('json', 'none').encode({ events, historical: false, coverage: COVERAGE }, 42);
  t.match(JSON.parse(Buffer.from(json).toString()), {
    format: 'headgate.batch.v1',
    events: [{ specversion: '1.0', id: 'j1-1' }],
  });
  const cbor = await encoder('cbor', 'none').encode({ events, historical: false, coverage: COVERAGE }, 42);
  t.same([...cbor.subarray(0, 3)], [0xd9, 0xd9, 0xf7]);
});

t.test('each batch carries the lists it refers to, whatever batches went before', async (t) => {
  const other = int16List('pump', 3);
  const events = stored([
    report(LIST, [1, 2, 3, 4]),
    report(other, [1, 2, 3]),
    report(LIST, [5, 6, 7, 8]),
    plainEvent(1),
  ]);
  const same = encoder('cbor', 'zstd');
  for (const some of [events, events.slice(0, 1), events.slice(1, 2), events.slice(2), events.slice(3), events]) {
    const batch = await decodeBatch(await same.encode({ events: some, historical: false, coverage: COVERAGE }, 1));
    t.same(
      batch.events.map(({ sequence }) => sequence),
      some.map(({ sequence }) => sequence),
    );
  }
});

t.test(
  'at most 4 bytes a value: 10 lists of 1,000 int16 values that are pure noise, one second in a batch',
  async (t) => {
    const lists = Array.from({ length: 10 }, (_, i) => int16List(`unit${i}`, 1000));
    const noise = () => Array.from({ length: 1000 }, () => Math.floor(Math.random() * 65_536) - 32_768);
    const payload = await encoder('cbor', 'zstd').encode(
      { events: bare(stored(lists.map((list) => report(list, noise())))), historical: false, coverage: COVERAGE },
      1,
    );
    t.ok(payload.length / 10_000 < 3, `${payload.length / 10_000} bytes a value`);
  },
);

t.test('reports by exception carry the names that they use, from memory and from the disk', async (t) => {
  const lists = Array.from({ length: 10 }, (_, i) => int16List(`unit${i}`, 1000));
  const some = (list: TagList, indexes: readonly number[]): EventDraft => ({
    ...report(list, indexes),
    data: new TelemetryReport(list, {
      indexes: Uint16Array.from(indexes),
      values: Int16Array.from(indexes),
      statuses: 0,
      timeBase: 1_700_000_000_000,
      timeDeltas: 0,
    }),
  });
  const full = int16List('full', 20);
  const drafts = [
    ...lists.map((list, i) => some(list, [i, 7, 999])),
    report(
      full,
      Array.from({ length: 20 }, (_, i) => i),
    ),
  ];
  const events = stored([...drafts, some(full, [3]), some(lists[0] ?? full, [500])]);
  for (const form of [events, bare(events)]) {
    const payload = await encoder('cbor', 'zstd').encode({ events: form, historical: false, coverage: COVERAGE }, 1);
    t.ok(payload.length < 1500, `${payload.length} bytes`);
    const batch = await decodeBatch(payload);
    t.same(
      batch.events.map(attributes),
      events.map(({ event }) => attributes(event)),
    );
  }
});

const bomb = Buffer.alloc(100_000_000);
const envelope = {
  format: 'headgate.batch.v1',
  journalId: 'j',
  gateway: 'g',
  sent: 1,
  historical: false,
  coverage: COVERAGE,
};
const cborBatch = (main: unknown, lists: unknown = []) =>
  Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7]), encodeCbor([main, lists])]);
const list = { ...LIST };
const cutList = { ...LIST, size: 4, at: Uint32Array.of(0), names: ['a'], units: [''], types: ['int16'] };
const columns = { indexes: null, values: Int16Array.from([1]), statuses: 0, timeBase: 1, timeDeltas: 0 };
const telemetry = (over: object) => {
  const c = { ...columns, ...over };
  return encodeCbor([2, list.id, c.indexes, c.values, c.statuses, c.timeBase, c.timeDeltas, null, null, null]);
};
const item = (bytes: unknown) => ({ ...envelope, items: [[1, 0, 1, bytes]] });

const coverageEvent = (change: object) => {
  const context = { clock: new FakeClock(), journalId: 'j', gatewayName: 'gw' };
  const told = coverageEventJson({ lane: 'bulk', first: 3, last: 9, settled: 2 }, context, 'up');
  return Buffer.from(JSON.stringify({ ...JSON.parse(told), ...change }));
};

t.test('an event of the journal is one, whatever its type', async (t) => {
  t.match(await decodeBatch(coverageEvent({})), { events: [], coverage: { first: 3, last: 9 }, gateway: 'gw' });
  const stored = { id: 'j-5', sequence: '0000000000000005', recordedtime: '2026-01-01T00:00:00Z' };
  t.match(await decodeBatch(coverageEvent(stored)), { events: [{ id: 'j-5' }], journalId: 'j' });
});

const REFUSED: readonly [string, Uint8Array][] = [
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('hello')],
  ['another JSON', Buffer.from('{"value":1}')],
  ['cut JSON', Buffer.from('{"format":"headgate.batch.v1","events":[')],
  ['JSON that is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ['a JSON event without id', Buffer.from(JSON.stringify({ ...envelope, events: [{ specversion: '1.0' }] }))],
  ['a coverage without journal', coverageEvent({ journalid: undefined })],
  ['a coverage without time', coverageEvent({ time: 'now' })],
  ['a coverage of an unknown lane', coverageEvent({ lane: 'other' })],
  ['a coverage of a range that ends before it begins', coverageEvent({ coversto: 2 })],
  ['a zip bomb', gzipSync(bomb)],
  ['a zstd bomb', zstdCompressSync(bomb)],
  [
    'zstd that wants a huge window',
    zstdCompressSync(Buffer.alloc(1000), {
      params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 },
    }),
  ],
  ['cut zstd', zstdCompressSync(Buffer.from('hello hello hello')).subarray(0, 12)],
  ['too many bytes', Buffer.alloc(20_000_000, 0x7b)],
  ['cut CBOR', Buffer.from([0xd9, 0xd9, 0xf7, 0x82, 0xa1])],
  ['deep CBOR', Buffer.concat([Buffer.from([0xd9, 0xd9, 0xf7, 0x82]), Buffer.alloc(1_000_000, 0x81)])],
  ['a CBOR array that claims 4 billion items', Buffer.from([0xd9, 0xd9, 0xf7, 0x82, 0x9a, 0xff, 0xff, 0xff, 0xff])],
  ['items that are no array', cborBatch({ ...envelope, items: 3 })],
  ['an item without bytes', cborBatch(item('text'))],
  ['an item of an unknown lane', cborBatch({ ...envelope, items: [[1, 9, 1, encodeCbor([1])]] })],
  ['a sequence of 0', cborBatch({ ...envelope, items: [[0, 0, 1, encodeCbor([1])]] })],
  [
    'an event with a number as type',
    cborBatch(item(encodeCbor([1, 5, 's', 'a', 1, null, null, null, null, null, null]))),
  ],
  [
    'an event with a text as time',
    cborBatch(item(encodeCbor([1, 't', 's', 'a', '1', null, null, null, null, null, null]))),
  ],
  ['telemetry without its list', cborBatch(item(telemetry({})))],
  ['a list without names', cborBatch(item(telemetry({})), [{ ...list, names: undefined }])],
  ['a list with fewer units than names', cborBatch(item(telemetry({})), [{ ...list, units: [] }])],
  ['more values than names', cborBatch(item(telemetry({ values: new Int16Array(5) })), [list])],
  [
    'an index that a cut list lacks',
    cborBatch({ ...item(telemetry({ indexes: Uint16Array.of(3) })), lists: [{ ...cutList, at: Uint32Array.of(2) }] }),
  ],
  ['a cut list of a billion tags', cborBatch({ ...item(telemetry({})), lists: [{ ...cutList, size: 1_000_000_000 }] })],
  [
    'many large cut lists',
    cborBatch({ ...item(telemetry({})), lists: new Array(50).fill({ ...cutList, size: 900_000 }) }),
  ],
  [
    'a position beyond a cut list',
    cborBatch({ ...item(telemetry({})), lists: [{ ...cutList, at: Uint32Array.of(4) }] }),
  ],
  ['an index beyond the list', cborBatch(item(telemetry({ indexes: Uint16Array.of(4) })), [list])],
  ['fewer indexes than values', cborBatch(item(telemetry({ indexes: new Uint16Array(0) })), [list])],
  ['statuses of another length', cborBatch(item(telemetry({ statuses: new Uint32Array(2) })), [list])],
  ['values that are a map', cborBatch(item(telemetry({ values: { length: 1 } })), [list])],
];

for (const [what, payload] of REFUSED) {
  t.test(`refuses ${what}`, async (t) => {
    await t.rejects(decodeBatch(payload), { code: 'BATCH_INVALID' });
  });
}

t.test('a batch with any bytes changed is refused or read, never anything else', async (t) => {
  const payload = await encoder('cbor', 'none').encode(
    { events: bare(stored(SAMPLE)), historical: false, coverage: COVERAGE },
    42,
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(payload.length - 1), fc.nat(255), fc.boolean(), async (at, byte, isCut) => {
      const damaged = Uint8Array.from(isCut ? payload.subarray(0, at) : payload);
      if (!isCut) damaged[at] = byte;
      try {
        const batch = await decodeBatch(damaged);
        for (const event of batch.events) JSON.stringify(event);
        return true;
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'BATCH_INVALID';
      }
    }),
    { numRuns: 1000 },
  );
  t.pass('as said');
});
