import { openJournal } from '../../src/journal/journal-client.ts';
import type { EventDraft } from '../../src/model/event.ts';
import { createObserver } from '../../src/observe/observer.ts';
import type { Random } from '../../src/ports/clock.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { int16List, plainEvent, report } from '../../test/support/events.ts';

const LISTS = 10;
const LIST_TAGS = 1000;
const PATTERNS = 64;
const APPENDS_AT_ONCE = 8;
const REPORTS_AN_APPEND = 20;
/** One of so many events is of another kind, in the lanes above bulk. */
const OTHERS_EACH = 200;

/**
 * Fill a journal, by the journal itself but as fast as it goes, with what an outage leaves: scan reports of 1,000 values, and now and then a normal or
 * a critical event, with source times spread over the outage.
 * @returns events and samples
 */
export async function prefill(
  directory: string,
  config: object,
  outage: { readonly samples: number; readonly hours: number; readonly random: Random },
): Promise<{ readonly events: number; readonly samples: number }> {
  const { observer } = createObserver({ write: () => {}, now: () => Date.now(), level: 'error', format: 'text' });
  const journal = await openJournal({ directory, config, clock: systemClock, observer });
  const lists = Array.from({ length: LISTS }, (_, i) => int16List(`outage-${i}`, LIST_TAGS));
  // Sensors that drift: neighbours in time and in place differ by little, as in a plant.
  const patterns = Array.from({ length: PATTERNS }, () => {
    let value = outage.random() * 20_000;
    return Int16Array.from({ length: LIST_TAGS }, () => {
      value += (outage.random() - 0.5) * 200;
      return value;
    });
  });
  const total = Math.ceil(outage.samples / LIST_TAGS);
  const began = Date.now() - outage.hours * 3_600_000;
  let next = 0;
  const draft = (index: number): EventDraft => {
    const time = Math.floor(began + (index / total) * outage.hours * 3_600_000);
    const list = lists[index % LISTS];
    const pattern = patterns[Math.floor(outage.random() * PATTERNS)];
    if (list === undefined || pattern === undefined) throw new Error('no list');
    return report(list, pattern, time);
  };
  const worker = async () => {
    while (next < total) {
      const count = Math.min(REPORTS_AN_APPEND, total - next);
      const drafts = Array.from({ length: count }, (_, i) => draft(next + i));
      if (next % OTHERS_EACH < REPORTS_AN_APPEND) {
        drafts.push(plainEvent(next, { lane: next % (OTHERS_EACH * 5) < REPORTS_AN_APPEND ? 'critical' : 'normal' }));
      }
      next += count;
      await journal.append(drafts);
    }
  };
  await Promise.all(Array.from({ length: APPENDS_AT_ONCE }, worker));
  const events = journal.lastSequence;
  await journal.close();
  return { events, samples: total * LIST_TAGS };
}
