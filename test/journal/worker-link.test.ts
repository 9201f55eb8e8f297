import t from 'tap';
import { openJournal } from '../../src/journal/journal-client.ts';
import type { ToWorker, WorkerStart } from '../../src/journal/messages.ts';
import { type StartWorker, startWorkerThread } from '../../src/journal/worker-thread.ts';
import { draft } from '../conformance/journal.ts';
import { livedClock } from '../support/lived-time.ts';
import { recordingObserver } from '../support/observer.ts';
import { scratch, TEST_CONFIG } from './support.ts';

/** A thread whose end is heard in the same turn as the answer to its closing: what a loaded machine makes of a fast end. */
const endsWithItsAnswer: StartWorker = (start: WorkerStart, listener) => {
  let closeId = 0;
  const thread = startWorkerThread(start, {
    onMessage: (message) => {
      listener.onMessage(message);
      if (message.kind === 'answer' && message.id === closeId) listener.onEnd('the journal worker ended with code 0');
    },
    onEnd: listener.onEnd,
  });
  return {
    postMessage: (message: ToWorker, transfer) => {
      if (message.kind === 'close') closeId = message.id;
      thread.postMessage(message, transfer);
    },
    terminate: () => thread.terminate(),
  };
};

t.test('a thread that ends in the same turn as it answers to be closed has not failed', async (t) => {
  const journal = await openJournal({
    directory: scratch(t),
    config: TEST_CONFIG,
    clock: livedClock,
    observer: recordingObserver(),
    startWorker: endsWithItsAnswer,
  });
  t.teardown(() => journal.close());
  await journal.append([draft(1)]);
  let failure: Error | null = null;
  void journal.failed.then((error) => {
    failure = error;
  });
  await journal.close();
  t.equal(failure, null);
  await t.rejects(journal.append([draft(2)]), { code: 'JOURNAL_CLOSED' });
});
