import { writeSync } from 'node:fs';
import { openJournal } from '../../src/journal/journal-client.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { draft, report } from '../conformance/journal.ts';
import { recordingObserver } from '../support/observer.ts';
import { TEST_CONFIG } from './support.ts';

/* Appends without end and writes a line for each acknowledged event: `<sequence> <content>`. The parent kills it. */

const [directory = '', firstText = '0'] = process.argv.slice(2);
const journal = await openJournal({
  directory,
  config: { ...TEST_CONFIG, segment_mb: 0.0625, quota_mb: 1000 },
  clock: systemClock,
  observer: recordingObserver(),
});
await journal.openCursor('sink', 'beginning');
let n = Number(firstText);
const produce = async (size: number) => {
  for (;;) {
    const drafts = Array.from({ length: size }, () => {
      n++;
      return n % 7 === 0 ? draft(n, 'critical') : n % 3 === 0 ? report(n) : draft(n, 'normal');
    });
    const events = await journal.append(drafts);
    writeSync(
      1,
      events.map((event, i) => `${event.sequence} ${(drafts[i]?.time ?? 0) - 1_700_000_000_000}\n`).join(''),
    );
    journal.moveCursor('sink', { settled: Math.max(0, (events[0]?.sequence ?? 0) - 200), above: [] });
  }
};
await Promise.all([produce(1), produce(10), produce(100)]);
