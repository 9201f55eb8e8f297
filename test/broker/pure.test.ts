import fc from 'fast-check';
import t from 'tap';
import { filterCovers, maySubscribe, publishRefusal } from '../../src/broker/access.ts';
import { readClientEvent } from '../../src/broker/client-event.ts';
import { CurrentTable } from '../../src/broker/current-values.ts';
import { FilterIndex } from '../../src/broker/filter-index.ts';
import { PacketGuard } from '../../src/broker/packet-guard.ts';
import { publishPacket } from '../../src/broker/tag-fanout.ts';
import { isTelemetry } from '../../src/model/event.ts';
import { topicMatches } from '../../src/model/topic.ts';
import { connectPacket, report, tagList } from './support.ts';

const level = fc.constantFrom('a', 'b', '');
const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 0, maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))
  .filter((text) => text !== '');

t.test('what a covered filter matches, the covering one matches too', async (t) => {
  fc.assert(
    fc.property(filter, filter, topic, (wide, narrow, name) => {
      if (filterCovers(wide, narrow) && topicMatches(narrow, name)) return topicMatches(wide, name);
      return true;
    }),
    { numRuns: 5_000 },
  );
  t.pass('as said');
});

t.test('access rules', async (t) => {
  const rules = { publish: ['#'], subscribe: ['uns/v1/acme/#', 'line/+/state'] };
  const cases: [string, boolean][] = [
    ['uns/v1/acme/#', true],
    ['uns/v1/acme', true],
    ['uns/v1/acme/+/x', true],
    ['uns/v1/+/x', false],
    ['uns/#', false],
    ['#', false],
    ['line/1/state', true],
    ['line/+/state', true],
    ['line/#', false],
    ['$SYS/#', false],
  ];
  for (const [asked, may] of cases) t.equal(maySubscribe(rules, asked), may, asked);
  for (const reserved of ['uns/v1/a', 'uns/v1', 'cmd/v1/a', 'svc/v1/PING', 'dlq/v1/x', '$x', 'a/+', '']) {
    t.type(publishRefusal(rules, reserved), 'string', reserved);
  }
  for (const open of ['evt/v1/a/b_v1', 'uns/v2/a', '/', 'a b/ü']) t.equal(publishRefusal(rules, open), null, open);
});

t.test('the index answers as matching every filter would, for topics and for children', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), filter, fc.boolean()), { maxLength: 12 }),
      topic,
      level,
      (steps, parent, name) => {
        const index = new FilterIndex<number>();
        const held = new Set<string>();
        for (const [who, text, isAdded] of steps) {
          if (isAdded) index.add(who, text);
          else index.remove(who, text);
          if (isAdded) held.add(`${who} ${text}`);
          else held.delete(`${who} ${text}`);
        }
        const child = `${parent}/${name}`;
        const expected = [
          ...new Set([...held].filter((h) => topicMatches(h.slice(2), child)).map((h) => Number(h[0]))),
        ].sort();
        const { all, byName } = index.matchChildren(parent);
        const children = [...all, ...(byName.get(name) ?? [])].sort();
        return (
          JSON.stringify([...index.match(child)].sort()) === JSON.stringify(expected) &&
          JSON.stringify(children) === JSON.stringify(expected)
        );
      },
    ),
    { numRuns: 5_000 },
  );
  t.pass('as said');
});

t.test('the guard judges alike however the bytes are cut', async (t) => {
  const publish = (length: number) => Buffer.concat([Buffer.from(publishPacket('a/b', 'x'.repeat(length)))]);
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(fc.nat(300).map(publish), fc.uint8Array({ maxLength: 4 }), fc.constant(Buffer.from([0xc0, 0]))),
      ),
      fc.array(fc.nat(400)),
      (packets, cuts) => {
        const bytes = Buffer.concat([connectPacket('x'), ...packets]);
        const whole = new PacketGuard(200).feed(bytes);
        const guard = new PacketGuard(200);
        let verdict = 'ok';
        let at = 0;
        for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
          if (verdict === 'ok') verdict = guard.feed(bytes.subarray(at, cut));
          at = cut;
        }
        return verdict === whole;
      },
    ),
    { numRuns: 2_000 },
  );
  t.pass('as said');
});

t.test('the guard: literal cases', async (t) => {
  const connect = [0x10, 0];
  const cases: [number[], string][] = [
    [[], 'ok'],
    [connect, 'ok'],
    [[...connect, 0xc0, 0, 0xe0, 0], 'ok'],
    [[0xc0, 0], 'not-connect'],
    [[0x10, 0x81, 0x80, 0x01], 'connect-too-large'],
    [[...connect, 0x30, 0xff, 0xff, 0xff, 0x7f], 'packet-too-large'],
    [[...connect, 0x30, 0xff, 0xff, 0xff, 0xff], 'malformed'],
    [[...connect, 0x00], 'malformed'],
    [[...connect, 0xf0], 'malformed'],
    [[...connect, 0x20], 'malformed'],
  ];
  for (const [bytes, verdict] of cases)
    t.equal(new PacketGuard(1_000).feed(Uint8Array.from(bytes)), verdict, `${bytes}`);
});

t.test('a client event that is none says why', async (t) => {
  const good = { specversion: '1.0', id: '1', source: '/x', type: 'batch.v1' };
  const read = (value: unknown, name = 'evt/v1/acme/line/batch_v1') =>
    readClientEvent(name, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), 5);
  const ok = read(good);
  t.match(ok, { identity: '/x 1', draft: { subject: 'acme/line', time: 5, data: null, lane: 'normal' } });
  const deep = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`);
  const cases: [unknown, RegExp, string?][] = [
    ['nonsense', /not JSON/],
    [[], /not a JSON object/],
    [{ ...good, specversion: '0.3' }, /specversion/],
    [{ ...good, id: 7 }, /id is not/],
    [{ ...good, source: '' }, /source is not/],
    [{ ...good, source: '/headgate/gw/press' }, /belong to the gateway/],
    [{ ...good, type: 'other.v1' }, /type is not batch.v1/],
    [{ ...good, subject: 'acme' }, /subject is not acme\/line/],
    [{ ...good, data_base64: 'AA==' }, /data_base64/],
    [{ ...good, datacontenttype: 'text/xml' }, /datacontenttype/],
    [{ ...good, time: 'yesterday' }, /RFC 3339/],
    [{ ...good, time: '2026-13-01T00:00:00Z' }, /RFC 3339/],
    [{ ...good, correlationid: { a: 1 } }, /correlationid/],
    [{ ...good, data: deep }, /nested deeper/],
    [good, /asset path/, 'evt/v1/batch_v1'],
    [good, /no event type/, 'evt/v1/acme/batch'],
    [{ ...good, type: 'headgate.telemetry.v1' }, /belong to the gateway/, 'evt/v1/acme/headgate_telemetry_v1'],
  ];
  for (const [value, reason, name] of cases) {
    const found = read(value, name);
    t.match(typeof found === 'string' ? found : 'accepted', reason);
  }
  const kept = read({ ...good, correlationid: 'c', causationid: 'p', traceparent: '00-1-2-01', data: { a: [1] } });
  t.match(kept, { draft: { correlationid: 'c', causationid: 'p', traceparent: '00-1-2-01', data: { a: [1] } } });
});

t.test('current values follow reports of the whole list, then of some tags, with nobody listening', async (t) => {
  const table = new CurrentTable();
  const push = (draft: ReturnType<typeof report>) => {
    if (isTelemetry(draft)) table.of(draft.data.list).update(draft.data, null);
  };
  const list = tagList(['a', 'b', 'c'], { types: ['float64', 'float64', 'bool'] });
  const values = () => [...table.list()].map(({ tag, value, status, time }) => [tag, value, status, time]);
  push(report(list, Int16Array.of(1, -2, 1), { timeDeltas: Uint8Array.of(0, 5, 9) }));
  const first = table.of(list).report.columns.values;
  t.same(values(), [
    ['a', 1, 0, 1000],
    ['b', -2, 0, 1005],
    ['c', true, 0, 1009],
  ]);
  const second = report(list, Int16Array.of(7, 8, 0), { statuses: Uint32Array.of(0, 0x40000000, 0), timeBase: 2000 });
  push(second);
  t.equal(table.of(list).report.columns.values, first, 'in the same place');
  t.not(first, (second.data as { columns: { values: unknown } }).columns.values, 'which is not the report');
  t.same(values(), [
    ['a', 7, 0, 2000],
    ['b', 8, 0x40000000, 2000],
    ['c', false, 0, 2000],
  ]);
  push(report(list, Float64Array.of(0.5), { indexes: Uint16Array.of(1), timeBase: 3000 }));
  push(report(list, Int16Array.of(300, 4), { timeBase: 4000, timeDeltas: Int8Array.of(0, -1) }));
  t.same(values(), [
    ['a', 300, 0, 4000],
    ['b', 4, 0, 3999],
    ['c', false, 0, 2000],
  ]);
  push(report(list, ['text', 1, true], { timeBase: 5000 }));
  t.match(table.get('acme/line/press', 'a'), { value: 'text', time: 5000 });
});

t.test('current values: numbers, then text, absent, sparse, and a list that took the place of another', async (t) => {
  const table = new CurrentTable();
  const push = (draft: ReturnType<typeof report>) => {
    if (!isTelemetry(draft)) throw new Error('telemetry');
    const changed: number[] = [];
    table.of(draft.data.list).update(draft.data, (position) => changed.push(position));
    return changed;
  };
  const list = tagList(['a', 'b', 'c'], { types: ['float64', 'bool', 'int64'] });
  t.same(push(report(list, Float64Array.of(1, 1))), [0, 1]);
  t.same(push(report(list, Float64Array.of(1, 0), { timeBase: 2 })), [1]);
  t.same(push(report(list, [9007199254740993n], { indexes: Uint16Array.of(2) })), [2]);
  t.same(push(report(list, Float64Array.of(Number.NaN), { statuses: 0x80000000 })), [0]);
  t.same(push(report(list, [null], { statuses: 0x80000000 })), []);
  t.match(table.get('acme/line/press', 'a'), { value: null, status: 0x80000000 });
  t.match(table.get('acme/line/press', 'b'), { value: false, time: 2 });
  t.equal(table.of(list).payload(2), '{"timestamp_ms":1000,"value":"9007199254740993","quality":0}');
  push(report(tagList(['b']), [5]));
  t.same(
    [...table.list()].map(({ tag, value }) => [tag, value]),
    [['b', 5]],
  );
  table.forgetDevice('press');
  t.equal(table.size, 0);
});
