import fc from 'fast-check';
import t from 'tap';
import { HeadgateError } from '../../../src/errors/headgate-error.ts';
import { encodeEvent } from '../../../src/model/event-codec.ts';
import type { OutboxRow } from '../../../src/runtime/service-host/messages.ts';
import { Outlet } from '../../../src/runtime/service-host/outlet.ts';
import { plainEvent } from '../../support/events.ts';
import { livedClock } from '../../support/lived-time.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { recordingObserver } from '../../support/observer.ts';
import { plainJson } from '../../support/plain-json.ts';
import { until } from '../../support/until.ts';

function outletFor(journal: MemoryJournal) {
  const accepted: number[] = [];
  const observer = recordingObserver();
  const onAccepted = (through: number) => accepted.push(through);
  return {
    outlet: new Outlet({ journal, clock: livedClock, random: () => 0, observer, onAccepted }),
    accepted,
    observer,
  };
}

const row = (number: number, data: unknown = { number }, after = 0): OutboxRow => ({
  number,
  after,
  lane: 'normal',
  bytes: encodeEvent(plainEvent(0, { data })),
});

t.test('events that the journal already has are not appended again, equal ones counted', async (t) => {
  const journal = new MemoryJournal();
  journal.commit([plainEvent(0, { data: { number: 1 } }), plainEvent(7), plainEvent(0, { data: 'same' })]);
  const { outlet, accepted } = outletFor(journal);
  await outlet.recover([row(1), row(2, 'same'), row(3, 'same'), row(4)], null);
  await until(() => accepted.at(-1) === 4, { what: 'all accepted' });
  t.equal(accepted[0], 2, 'the first two were there');
  t.same(
    journal.events.slice(3).map(({ event }) => event.data),
    ['same', { number: 4 }],
  );
});

t.test('an event like an older one, from before the outbox row, is appended', async (t) => {
  const journal = new MemoryJournal();
  journal.commit([plainEvent(0, { data: 'same' })]);
  const { outlet, accepted } = outletFor(journal);
  await outlet.recover([row(1, 'same', 1)], null);
  await until(() => accepted.at(-1) === 1, { what: 'accepted' });
  t.equal(journal.events.length, 2);
});

t.test('a journal that is overloaded is asked again, in order', async (t) => {
  const journal = new MemoryJournal();
  const append = journal.append.bind(journal);
  let refusals = 2;
  journal.append = (drafts) =>
    refusals-- > 0 ? Promise.reject(new HeadgateError('JOURNAL_OVERLOADED')) : append(drafts);
  const { outlet, accepted, observer } = outletFor(journal);
  await outlet.recover([], null);
  outlet.add([row(1), row(2)]);
  outlet.add([row(3)]);
  await until(() => accepted.at(-1) === 3, { what: 'accepted' });
  t.same(
    journal.events.map(({ event }) => event.data),
    [{ number: 1 }, { number: 2 }, { number: 3 }],
  );
  t.equal(observer.emitted.filter(({ name }) => name === 'service-append-retried').length, 2);
});

t.test('one event that the journal will never take is counted as lost, the others pass', async (t) => {
  const journal = new MemoryJournal();
  const append = journal.append.bind(journal);
  journal.append = (drafts) =>
    drafts.some(({ data }) => data === 'big')
      ? Promise.reject(new HeadgateError('JOURNAL_EVENT_TOO_LARGE'))
      : append(drafts);
  const { outlet, accepted, observer } = outletFor(journal);
  await outlet.recover([], null);
  outlet.add([row(1), row(2, 'big'), row(3)]);
  await until(() => accepted.at(-1) === 3, { what: 'accepted' });
  t.same(
    journal.events.map(({ event }) => event.data),
    [{ number: 1 }, { number: 3 }],
  );
  t.equal(observer.emitted.filter(({ name }) => name === 'service-event-lost').length, 1);
});

t.test('an event comes out of the outbox with the bytes that went in, whatever its data', async (t) => {
  await fc.assert(
    fc.asyncProperty(plainJson(), async (data) => {
      const journal = new MemoryJournal();
      const { outlet, accepted } = outletFor(journal);
      await outlet.recover([row(1, data)], null);
      await until(() => accepted.at(-1) === 1, { what: 'accepted', everyMs: 1 });
      return Buffer.compare(journal.events[0]?.bytes ?? Buffer.alloc(0), row(1, data).bytes) === 0;
    }),
    { numRuns: 200 },
  );
  t.pass('as said');
});
