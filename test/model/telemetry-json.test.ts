import fc from 'fast-check';
import t from 'tap';
import { makeTagList } from '../../src/model/event-codec.ts';
import { TelemetryReport } from '../../src/model/telemetry.ts';
import { appendTelemetryJson } from '../../src/model/telemetry-json.ts';
import { TextBuffer } from '../../src/model/text-buffer.ts';

const list = makeTagList({
  source: '/headgate/g/plc',
  device: 'plc',
  asset: 'acme/pump',
  group: 'plc_1000ms',
  lane: 'bulk',
  names: ['a', 'quote"back\\slash', 'ü', 'd'],
  units: ['', '', '', ''],
  types: ['float64', 'bool', 'string', 'int64'],
});

t.test('is what JSON.stringify gives, whatever the columns', async (t) => {
  const value = fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.bigInt(), fc.constant(null));
  const column = fc.oneof(
    fc.array(value, { minLength: 4, maxLength: 4 }),
    fc.float64Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 4, maxLength: 4, max: 1 }),
  );
  const statuses = fc.oneof(fc.nat(), fc.uint32Array({ minLength: 4, maxLength: 4 }));
  const deltas = fc.oneof(fc.constant(0 as const), fc.int16Array({ minLength: 4, maxLength: 4 }));
  const indexes = fc.constantFrom(null, Uint16Array.of(3, 1, 0, 2));
  fc.assert(
    fc.property(
      column,
      statuses,
      deltas,
      indexes,
      fc.double({ noNaN: true }),
      (values, q, timeDeltas, at, timeBase) => {
        const report = new TelemetryReport(list, { indexes: at, values, statuses: q, timeBase, timeDeltas });
        const text = new TextBuffer(0);
        appendTelemetryJson(text, report);
        return text.finish().toString() === JSON.stringify(report);
      },
    ),
  );
  t.pass('as said');
});

t.test('reports of thousands of samples, integers of 32 bits, and tags beyond the list', async (t) => {
  const tags = Array.from({ length: 1_500 }, (_, at) => `tag ${at}`);
  const long = makeTagList({
    ...list,
    names: tags,
    units: tags.map(() => ''),
    types: tags.map(() => 'int32' as const),
  });
  const column = { minLength: 1_100, maxLength: 1_500 };
  fc.assert(
    fc.property(
      fc.int32Array(column),
      fc.uint16Array({ ...column, max: 1_600 }),
      fc.boolean(),
      (values, at, hasTimes) => {
        const size = Math.min(values.length, at.length);
        const timeDeltas = hasTimes ? at.slice(0, size) : (0 as const);
        const columns = {
          indexes: at.slice(0, size),
          values: values.slice(0, size),
          statuses: 0,
          timeBase: 1.7e12,
          timeDeltas,
        };
        const report = new TelemetryReport(long, columns);
        const text = new TextBuffer(0);
        appendTelemetryJson(text, report);
        return text.finish().toString() === JSON.stringify(report);
      },
    ),
    { numRuns: 20 },
  );
  t.pass('as said');
});

t.test('text of any length and any characters is collected whole', async (t) => {
  const part = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.nat({ max: 9_000 }).map((length) => 'ü'.repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(part), fc.nat({ max: 5_000 }), (parts, expected) => {
      const text = new TextBuffer(expected);
      for (const one of parts) text.append(one);
      return text.finish().toString() === parts.join('');
    }),
  );
  fc.assert(
    fc.property(fc.integer(), (integer) => {
      const text = new TextBuffer(0);
      text.appendInteger(integer);
      return text.finish().toString() === String(integer);
    }),
  );
  t.pass('as said');
});
