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

t.test('what is large goes to the worker at once, what is small with what else comes in the same turn', async (t) => {
  const commits: number[] = [];
  const watched: StartWorker = (start, listener) => {
    const thread = startWorkerThread(start, listener);
    return {
      postMessage: (message, transfer) => {
        if (message.kind === 'commit') commits.push(message.lanes.length);
        thread.postMessage(message, transfer);
      },
      terminate: () => thread.terminate(),
    };
  };
  const journal = await openJournal({
    directory: scratch(t),
    config: TEST_CONFIG,
    clock: livedClock,
    observer: recordingObserver(),
    startWorker: watched,
  });
  t.teardown(() => journal.close());
  const large = Array.from({ length: 1000 }, (_, i) => ({ ...draft(i), data: { text: 'x'.repeat(100) } }));
  const accepted = await Promise.all([
    journal.append([draft(1)]),
    journal.append([draft(2), draft(3)]),
    journal.append(large),
    journal.append(large),
    journal.append([draft(4)]),
    journal.append([draft(5)]),
  ]);
  t.same(commits, [1003, 1000, 2]);
  const sequences = accepted.flat().map(({ sequence }) => sequence);
  t.same(
    sequences,
    sequences.toSorted((a, b) => a - b),
    'in the order of the appends',
  );
});
