import t from 'tap';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import { Receiver } from '../../src/sinks/receiver.ts';
import { plainEvent } from '../support/events.ts';

const event = (sequence: number, change: Partial<ReceivedEvent> = {}): ReceivedEvent => ({
  ...plainEvent(sequence),
  id: `j-${sequence}`,
  sequence,
  recordedtime: 1,
  ...change,
});
const events = (...sequences: number[]) => sequences.map((sequence) => event(sequence));
const gap = (sequence: number, data: object) => event(sequence, { type: 'headgate.gap.v1', subject: 'gw', data });

t.test('drops repeats by id and returns what is new', async (t) => {
  const receiver = new Receiver();
  receiver.receive({ events: events(1, 2, 3), historical: false });
  const fresh = receiver.receive({ events: events(2, 3, 4), historical: false });
  t.same(
    fresh.map(({ sequence }) => sequence),
    [4],
  );
  t.match(receiver.figures(), { received: 6, repeats: 2, unique: 4, missing: 0, orderViolations: 0 });
});

t.test('lets live overtake a historical backlog, each in order', async (t) => {
  const receiver = new Receiver({ firstSequence: 1 });
  receiver.receive({ events: events(101, 102), historical: false });
  t.match(receiver.figures(), { missing: 100, missingRanges: [{ journalId: 'j', first: 1, last: 100 }] });
  receiver.receive({ events: Array.from({ length: 100 }, (_, i) => event(i + 1)), historical: true });
  receiver.receive({ events: events(103), historical: false });
  t.match(receiver.figures(), { unique: 103, missing: 0, orderViolations: 0 });
});

t.test('counts a new event that comes after a later one of its stream', async (t) => {
  const receiver = new Receiver();
  receiver.receive({ events: [event(2), event(1), event(3, { partitionkey: 'other' })], historical: false });
  t.match(receiver.figures(), { orderViolations: 1, unique: 3 });
});

t.test('what lies before the account has an order of its own: a sender that lost its books begins again', async (t) => {
  const receiver = new Receiver({ firstSequence: 10 });
  receiver.receive({ events: events(11, 12), historical: true });
  receiver.receive({ events: events(3, 4, 10), historical: true });
  t.match(receiver.figures(), { orderViolations: 1, unique: 5 }, 'of its own events the first came late');
  receiver.receive({ events: events(2), historical: true });
  t.match(receiver.figures(), { orderViolations: 2 });
});

t.test('knows a gap event from a loss', async (t) => {
  const receiver = new Receiver({ firstSequence: 1 });
  receiver.receive({ events: [event(1), event(5), gap(6, { first: 2, last: 4, count: 3 })], historical: false });
  t.match(receiver.figures(), { missing: 0, gapEvents: 3 });
});

t.test('a gap accounts for no more events than it counts, told once or twice', async (t) => {
  const receiver = new Receiver({ firstSequence: 1 });
  const told = { gap: 9, first: 1, last: 10, count: 3 };
  receiver.receive({ events: [event(1), event(10), gap(11, told), gap(12, told)], historical: false });
  t.match(receiver.figures(), { gapEvents: 3, missing: 5 });
});

t.test('keeps journals apart', async (t) => {
  const receiver = new Receiver();
  receiver.receive({ events: [event(1), event(1, { id: 'other-1' })], historical: false });
  t.match(receiver.figures(), { unique: 2, repeats: 0 });
});

const batch = (
  lane: 'critical' | 'normal' | 'bulk',
  [first, last]: readonly [number, number],
  sequences: readonly number[],
  settled = 0,
  historical = false,
) => ({
  journalId: 'j',
  sink: 'up',
  historical,
  coverage: { lane, first, last, settled },
  events: sequences.map((sequence) => event(sequence, { lane })),
});

t.test('what batches speak for is not missing, whatever numbers other lanes have', async (t) => {
  const receiver = new Receiver({ firstSequence: 1 });
  receiver.receive(batch('bulk', [1, 9], [2, 4, 9]));
  receiver.receive(batch('critical', [1, 3], [3]));
  t.match(receiver.figures(), { unique: 4, missing: 0, lost: 0 });
  receiver.receive(batch('bulk', [15, 20], [15, 20], 9));
  t.match(receiver.figures(), { missing: 5, lost: 0, missingRanges: [{ lane: 'bulk', first: 10, last: 14 }] });
  receiver.receive(batch('bulk', [21, 22], [22], 12));
  t.match(receiver.figures(), { missing: 5, lost: 3 }, 'lost is what the sender holds for confirmed');
  receiver.receive(batch('bulk', [10, 14], [11], 0, true));
  t.match(receiver.figures(), { missing: 0, lost: 0, orderViolations: 0 });
});

t.test('counts of a gap only what its own sink lost, once', async (t) => {
  const receiver = new Receiver();
  const told = { gap: 3, lane: 'bulk', first: 5, last: 9, count: 5, consumers: { up: 2, other: 5 } };
  const tell = (sequence: number) => ({
    ...batch('critical', [sequence, sequence], []),
    events: [event(sequence, { type: 'headgate.gap.v1', lane: 'critical', data: told })],
  });
  receiver.receive(tell(10));
  receiver.receive(tell(11));
  t.match(receiver.figures(), { gapEvents: 2 });
});

t.test('begins with what the sender had not confirmed when the first batch came', async (t) => {
  const receiver = new Receiver();
  receiver.receive(batch('bulk', [500, 510], [505], 450));
  t.match(receiver.figures(), { missing: 49, lost: 0 });
  receiver.receive(batch('bulk', [451, 499], [460], 450, true));
  t.match(receiver.figures(), { unique: 2, repeats: 0, missing: 0 });
});

t.test('a batch without events speaks for its range, and begins no account before what is settled', async (t) => {
  const telling = { events: [], historical: false, journalId: 'j' };
  const receiver = new Receiver({ firstSequence: 1 });
  receiver.receive(batch('bulk', [11, 12], [11, 12]));
  t.match(receiver.figures(), { missing: 10 });
  receiver.receive({ ...telling, coverage: { lane: 'bulk', first: 1, last: 10, settled: 12 } });
  t.match(receiver.figures(), { received: 2, missing: 0, lost: 0 });
  const late = new Receiver();
  late.receive({ ...telling, coverage: { lane: 'bulk', first: 1, last: 10, settled: 12 } });
  late.receive(batch('bulk', [13, 13], [13], 12));
  t.match(late.figures(), { unique: 1, missing: 0, lost: 0 });
});

t.test('a replay brings only what did not come before, and upsets no account', async (t) => {
  const receiver = new Receiver({ firstSequence: 1 });
  receiver.receive(batch('bulk', [1, 10], [2, 4, 10]));
  const replay = { journalId: 'j', historical: true, replay: 'r1', coverage: null, sink: 'up' };
  const events = [event(2, { lane: 'bulk' }), event(4, { lane: 'bulk' }), event(12, { lane: 'bulk' })];
  t.same(
    receiver.receive({ ...replay, events }).map(({ sequence }) => sequence),
    [12],
  );
  t.match(receiver.figures(), { repeats: 2, unique: 4, orderViolations: 0, lost: 0 });
});
