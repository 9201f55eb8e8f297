import t from 'tap';
import { plainEvent } from '../../support/events.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { until } from '../../support/until.ts';
import { closeSharedBroker, startRig } from './rig.ts';

t.teardown(closeSharedBroker);

t.test('goes on after the journal could not be read for a while, and keeps live data flowing meanwhile', async (t) => {
  const journal = new MemoryJournal();
  journal.commit(Array.from({ length: 1000 }, (_, i) => plainEvent(i)));
  journal.readFault = () => Promise.reject(new Error('I/O error'));
  const rig = await startRig(t, {}, journal);
  await until(() => journal.reads > 0, { what: 'a failed read' });
  await journal.append([plainEvent(1000)]);
  await until(() => rig.reader.receiver.figures().unique === 1, { what: 'the live event received' });
  t.equal(rig.status().settled, 0);
  t.ok(rig.observer.emitted.some(({ name }) => name === 'sink-read-failed'));
  t.ok(journal.reads <= 3, 'failed reads are not repeated at once');
  journal.readFault = null;
  t.match(await rig.settled(), { unique: 1001, missing: 0, orderViolations: 0, repeats: 0 });
});

t.test('passes over a long stretch of which nothing is stored any more', async (t) => {
  const journal = new MemoryJournal();
  journal.hole(100_000);
  journal.commit(Array.from({ length: 10 }, (_, i) => plainEvent(i)));
  journal.hole(500);
  const rig = await startRig(t, {}, journal);
  await journal.append([plainEvent(10)]);
  await until(() => rig.status().waiting === 0, { what: 'settled' });
  t.same(journal.cursors.get('up')?.normal, { settled: 100_511, above: [] });
  await until(() => rig.reader.receiver.figures().unique === 11, { what: 'received' });
});
