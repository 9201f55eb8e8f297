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
