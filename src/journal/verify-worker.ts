import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors/headgate-error.ts';
import { Consumer } from './consumer.ts';
import type { LedgerSnapshot } from './ledger.ts';
import type { FromVerifier } from './messages.ts';
import { segmentPath } from './segment-info.ts';
import { verify } from './verify.ts';

/* Verifies the sealed segments of a journal in use, from a snapshot of its ledger, in a thread of its own. */

const { directory, snapshot } = workerData as { directory: string; snapshot: LedgerSnapshot };
const send = (message: FromVerifier) => parentPort?.postMessage(message);

try {
  const { head, lanes, segments, streams, consumers } = snapshot;
  const known = consumers.map(({ name, cursors, counts }): [string, Consumer] => [
    name,
    new Consumer(name, cursors, counts),
  ]);
  const report = verify({
    content: { head, lanes, segments: [...segments], consumers: new Map(known) },
    streams,
    path: (segment) => join(directory, segmentPath(segment)),
    isLive: true,
    problems: [],
    onProgress: (done, of) => send({ kind: 'progress', done, of }),
  });
  send({ kind: 'report', report });
} catch (error) {
  send({ kind: 'failed', reason: messageOf(error) });
}
