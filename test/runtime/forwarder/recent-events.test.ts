import t from 'tap';
import { RecentEvents } from '../../../src/runtime/forwarder/recent-events.ts';
import { plainEvent } from '../../support/events.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';

const journal = new MemoryJournal();
journal.commit(Array.from({ length: 300 }, (_, i) => plainEvent(i)));
const events = (first: number, last: number) => journal.events.slice(first - 1, last);
const size = journal.events[0]?.bytes.length ?? 0;
const sequences = (taken: readonly { sequence: number }[]) => taken.map(({ sequence }) => sequence);

t.test('holds everything above its floor, within both limits', async (t) => {
  const recent = new RecentEvents(0, { maxEvents: 100, maxBytes: 1_000_000 });
  recent.push(events(1, 250), 0);
  t.equal(recent.floor, 150);
  t.same(sequences(recent.take(151, 153, 10, 1_000_000)), [151, 152, 153]);
  const small = new RecentEvents(0, { maxEvents: 100, maxBytes: size * 10 });
  small.push(events(1, 9), 0);
  t.equal(small.floor, 0);
  small.push(events(10, 20), 0);
  t.ok(small.floor >= 9 && small.floor <= 11);
});

t.test('does not take what was committed before it began', async (t) => {
  const recent = new RecentEvents(100, { maxEvents: 100, maxBytes: 1_000_000 });
  recent.push(events(90, 110), 0);
  t.equal(recent.floor, 100);
  t.same(sequences(recent.take(1, 103, 100, 1_000_000)), [101, 102, 103]);
  t.equal(recent.top, 110);
});

t.test('lets go what every sink has confirmed, and nothing else', async (t) => {
  const recent = new RecentEvents(0, { maxEvents: 1000, maxBytes: 10_000_000 });
  for (let first = 1; first <= 281; first += 20) {
    recent.push(events(first, first + 19), first);
    recent.release(first + 9);
    t.equal(recent.floor, first + 9);
    t.same(sequences(recent.take(first + 10, 300, 100, 10_000_000)).length, 10);
  }
  recent.release(5);
  t.equal(recent.floor, 290);
});

t.test('takes at most so many events and bytes, but always one', async (t) => {
  const recent = new RecentEvents(0, { maxEvents: 100, maxBytes: 1_000_000 });
  recent.push(events(1, 50), 0);
  t.equal(recent.take(1, 50, 7, 1_000_000).length, 7);
  t.equal(recent.take(1, 9, 50, size * 3 + 1).length, 3);
  t.equal(recent.take(1, 50, 50, 1).length, 1);
});

t.test('says how much waits and since when', async (t) => {
  const recent = new RecentEvents(0, { maxEvents: 100, maxBytes: 1_000_000 });
  recent.push(events(1, 5), 1000);
  recent.push(events(6, 9), 2000);
  t.match(recent.waiting(0, 9), { events: 9, since: 1000 });
  t.match(recent.waiting(5, 9), { events: 4, since: 2000 });
  t.match(recent.waiting(8, 9), { events: 1, bytes: size });
  t.equal(recent.waiting(9, 9), null);
});
