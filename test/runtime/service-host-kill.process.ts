import { openJournal } from '../../src/journal/journal-client.ts';
import { decodeEvent } from '../../src/model/event-codec.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { recordingObserver } from '../support/observer.ts';
import { counterHost, number, running } from '../support/service-rig.ts';
import { until } from '../support/until.ts';

/**
 * A gateway's journal and services in a process of their own, to be killed: `append` adds numbers without end, `drain` handles
 * what is left and prints what the journal and the service hold.
 */
const [dir = '', mode = 'append'] = process.argv.slice(2);
const journal = await openJournal({ directory: dir, config: {}, clock: systemClock, observer: recordingObserver() });
const { host } = counterHost(journal, dir, { one: { subject: 'x' } });
await running(host);
console.log('running');
if (mode === 'append') {
  for (let i = 0; ; i++) {
    await journal.append(Array.from({ length: 1 + (i % 7) }, () => number('x', 1)));
    console.log('appended');
    await new Promise((resolve) => setTimeout(resolve, i % 5));
  }
}
const numbers: string[] = [];
const sums: { sum: number; causationid: string }[] = [];
const handled = async () => ((await host.query('one', 'sum')) as { count: number }).count;
const collect = async () => {
  numbers.length = 0;
  sums.length = 0;
  const until = journal.lastSequence;
  for (let after = 0; after < until; ) {
    const page = await journal.read({ after, until, maxEvents: 1_000, maxBytes: 1_000_000 });
    for (const stored of page.events) {
      const event = decodeEvent(stored, journal.journalId);
      if (event.type === 'acme.number.v1') numbers.push(event.id);
      if (event.type === 'acme.sum.v1') {
        sums.push({ sum: (event.data as { sum: number }).sum, causationid: event.causationid ?? '' });
      }
    }
    after = page.through;
  }
};
await collect();
await until(async () => (await handled()) >= numbers.length, { what: 'all handled', timeoutMs: 15_000 });
await until(() => host.list()[0]?.lag === 0, { what: 'no lag' });
await host.stop();
await collect();
const state = await handledAfterStop();
await journal.close();
process.stdout.write(`${JSON.stringify({ numbers, sums, state })}\n`, () => process.exit(0));

async function handledAfterStop(): Promise<number> {
  const again = counterHost(journal, dir, { one: { subject: 'x' } });
  await running(again.host);
  const { count } = (await again.host.query('one', 'sum')) as { count: number };
  await again.host.stop();
  return count;
}
