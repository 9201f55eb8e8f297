import fc from 'fast-check';
import t from 'tap';
import { toCloudEventJson } from '../../src/model/cloud-event.ts';
import type { EventDraft } from '../../src/model/event.ts';
import {
  decodeCbor,
  decodeEvent,
  EventCodecError,
  encodeCbor,
  encodeEvent,
  encodeEvents,
  makeTagList,
  sampleIndexesOf,
  tagListIdOf,
} from '../../src/model/event-codec.ts';
import { TelemetryReport, type ValueColumn } from '../../src/model/telemetry.ts';
import { plainJson } from '../support/plain-json.ts';

const ACCEPTED = { sequence: 7, lane: 'normal', recordedtime: 1_790_000_000_500 } as const;

const list = makeTagList({
  source: '/headgate/g/plc',
  device: 'plc',
  asset: 'acme/pump',
  group: 'plc_1000ms',
  lane: 'bulk',
  names: ['a', 'b', 'c'],
  units: ['bar', '', ''],
  types: ['float64', 'bool', 'string'],
});

function telemetry(values: ValueColumn): EventDraft<TelemetryReport> {
  const columns = {
    indexes: null,
    values,
    statuses: 0x808a0000,
    timeBase: 1_790_000_000_000.5,
    timeDeltas: 0,
  } as const;
  const { source, asset: subject } = list;
  return {
    source,
    subject,
    type: 'headgate.telemetry.v1',
    time: columns.timeBase,
    lane: 'bulk',
    data: new TelemetryReport(list, columns),
  };
}

const columns: readonly ValueColumn[] = [
  new Int8Array([-1, 0, 1]),
  new Uint8Array([255, 0, 1]),
  new Int16Array([-300, 0, 1]),
  new Uint16Array([65_535, 0, 1]),
  new Int32Array([-70_000, 0, 1]),
  new Uint32Array([4_294_967_295, 0, 1]),
  new Float32Array([0.5, 0, 1]),
  new Float64Array([0.1, Number.NaN, 1]),
  [1.5, true, 'text'],
  [2n ** 63n, null, ''],
];
for (const values of columns) {
  t.test(`a report of ${values.constructor.name} comes back as it was`, async (t) => {
    const bytes = encodeEvent(telemetry(values));
    t.equal(tagListIdOf(bytes), list.id);
    const event = decodeEvent({ ...ACCEPTED, bytes, list }, 'j1');
    t.same((event.data as TelemetryReport).columns, telemetry(values).data.columns);
    t.match(event, {
      id: 'j1-7',
      sequence: 7,
      source: list.source,
      subject: list.asset,
      partitionkey: 'acme/pump/plc_1000ms',
    });
  });
}

const plain = (text: string): EventDraft => ({
  source: '/x',
  type: 'x.v1',
  subject: 'x',
  time: 1,
  lane: 'bulk',
  data: { text },
});

t.test('events that are encoded together have the bytes of each alone, however large, and keep them', async () => {
  const length = fc.oneof(
    { weight: 8, arbitrary: fc.nat(300) },
    { weight: 2, arbitrary: fc.integer({ min: 1000, max: 140_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 500_000, max: 700_000 }) },
  );
  const lengths = fc.array(length, { maxLength: 60 });
  fc.assert(
    fc.property(lengths, lengths, (some, more) => {
      const drafts = some.map((size, i) => plain(String(i % 10).repeat(size)));
      const encoded = encodeEvents(drafts);
      // Whatever is encoded afterwards does not reach into them.
      encodeEvents(more.map((size) => plain('x'.repeat(size))));
      return encoded.length === drafts.length && drafts.every((draft, i) => same(encoded[i], encodeEvent(draft)));
    }),
    { numRuns: 40 },
  );
});

t.test('an event that cannot be encoded leaves the next ones right', async (t) => {
  const broken: EventDraft = {
    ...plain('y'),
    data: {
      text: {
        toJSON: () => 1,
        get no() {
          throw new Error('no');
        },
      },
    },
  };
  t.throws(() => encodeEvents([plain('a'), broken, plain('b')]), { message: 'no' });
  const drafts = [plain('a'), plain('b')];
  const encoded = encodeEvents(drafts);
  t.ok(drafts.every((draft, i) => same(encoded[i], encodeEvent(draft))));
});

t.test('small events share a buffer, and none has more than their bytes and the padding', async (t) => {
  const encoded = encodeEvents(Array.from({ length: 100 }, (_, i) => plain(String(i))));
  t.equal(new Set(encoded.map(({ buffer }) => buffer)).size, 1);
  t.ok((encoded[0]?.buffer.byteLength ?? 0) < encoded.reduce((sum, { length }) => sum + length + 8, 0));
});

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

for (const [what, indexes, form] of [
  ['a row that counts up is its first', new Uint16Array([1, 2]), 1],
  ['any other row is written out', new Uint16Array([0, 2]), new Uint16Array([0, 2])],
] as const) {
  t.test(`of indexes ${what}`, async (t) => {
    const draft = telemetry(new Float64Array([0.5, 0.25]));
    const data = new TelemetryReport(list, { ...draft.data.columns, indexes });
    const bytes = encodeEvent({ ...draft, data });
    t.same((decodeCbor(bytes) as unknown[])[2], form);
    t.same(sampleIndexesOf(bytes), indexes);
    const event = decodeEvent({ ...ACCEPTED, bytes, list }, 'j1');
    t.strictSame((event.data as TelemetryReport).columns, data.columns);
  });
}

t.test('any other event comes back as it was', async (t) => {
  const text = fc.string({ maxLength: 40 });
  const drafts = fc.record(
    {
      type: text,
      source: text,
      subject: text,
      time: fc.double({ noNaN: true }),
      data: plainJson(),
      correlationid: text,
      traceparent: text,
    },
    { requiredKeys: ['type', 'source', 'subject', 'time', 'data'] },
  );
  fc.assert(
    fc.property(drafts, (drawn) => {
      const draft = { ...drawn, lane: 'normal' } as EventDraft;
      const event = decodeEvent({ ...ACCEPTED, bytes: encodeEvent(draft), list: null }, 'j1');
      const { id: _id, sequence: _sequence, recordedtime: _recordedtime, ...rest } = event;
      t.same(rest, { ...draft, time: draft.time }, 'unchanged');
    }),
    { numRuns: 50 },
  );
});

t.test('bytes that are no event are refused, whatever they are', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeEvent({ ...ACCEPTED, bytes, list: null }, 'j1');
        return true;
      } catch (error) {
        return error instanceof EventCodecError;
      }
    }),
    { numRuns: 500 },
  );
  t.throws(
    () => decodeEvent({ ...ACCEPTED, bytes: encodeEvent(telemetry([1])), list: null }, 'j1'),
    EventCodecError,
    'without its list',
  );
});

t.test('structured JSON has the attributes of CloudEvents 1.0', async (t) => {
  const event = decodeEvent(
    { ...ACCEPTED, bytes: encodeEvent(telemetry(new Float64Array([0.1, 1, Number.NaN]))), list },
    'j1',
  );
  t.same(JSON.parse(toCloudEventJson(event)), {
    specversion: '1.0',
    id: 'j1-7',
    source: '/headgate/g/plc',
    type: 'headgate.telemetry.v1',
    subject: 'acme/pump',
    time: '2026-09-21T14:13:20.000Z',
    datacontenttype: 'application/json',
    recordedtime: '2026-09-21T14:13:20.500Z',
    sequence: '0000000000000007',
    lane: 'normal',
    partitionkey: 'acme/pump/plc_1000ms',
    data: {
      samples: [
        { n: 'a', v: 0.1, q: 0x808a0000, t: 1_790_000_000_000.5 },
        { n: 'b', v: true, q: 0x808a0000, t: 1_790_000_000_000.5 },
        { n: 'c', v: null, q: 0x808a0000, t: 1_790_000_000_000.5 },
      ],
    },
  });
});

t.test('a 64-bit integer is decimal text in JSON', async (t) => {
  const event = decodeEvent({ ...ACCEPTED, bytes: encodeEvent(telemetry([2n ** 63n])), list }, 'j1');
  t.equal(JSON.parse(toCloudEventJson(event)).data.samples[0].v, '9223372036854775808');
});

t.test('a changed tag list has another id, an equal one the same', async (t) => {
  t.equal(makeTagList({ ...list }).id, list.id);
  t.not(makeTagList({ ...list, names: ['a', 'b', 'd'] }).id, list.id);
  t.not(makeTagList({ ...list, types: ['float64', 'bool', 'bool'] }).id, list.id);
});

t.test('no encoding touches another one, whatever their sizes, also behind one that throws', async (t) => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const sizes = [
    10,
    60_000,
    0,
    65_000,
    3,
    130_000,
    5,
    400_000,
    1,
    131_072,
    70_000,
    2,
    ...Array.from({ length: 3000 }, (_, i) => i % 90),
  ];
  const made = sizes.map((size, i) => {
    if (i % 500 === 7) t.throws(() => encodeCbor(cyclic));
    const value = { i, text: 'x'.repeat(size), more: [i, i / 3] };
    return { value, bytes: encodeCbor(value) };
  });
  t.ok(made.every(({ value, bytes }) => JSON.stringify(decodeCbor(bytes)) === JSON.stringify(value)));
  t.equal(new Set(made.map(({ bytes }) => bytes.buffer)).size, made.length, 'each has a buffer of its own');
});
