import { setImmediate } from 'node:timers';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { FileLock } from '../ports/file-lock.ts';
import { trimHeap } from '../ports/trim-heap.ts';
import { lockDirectory } from './directory-lock.ts';
import { makeDirectory } from './disk-space.ts';
import type { ToWorker, WorkerStart } from './messages.ts';
import { openStore } from './open-store.ts';
import { SqliteDisk } from './sqlite-disk.ts';
import { WorkerLoop, type WorkerPort } from './worker-loop.ts';

/* Runs the worker loop in a thread of its own, on the files of a directory that it locks. */

const thread = parentPort;
if (thread === null) throw new Error('journal-worker.ts runs as a worker thread');
const start = workerData as WorkerStart;
const { directory } = start;
let lock: FileLock | null = null;

const port: WorkerPort = {
  send: (message, transfer = []) => thread.postMessage(message, transfer),
  take: () => receiveMessageOnPort(thread)?.message as ToWorker | undefined,
  soon: (callback) => void setImmediate(callback),
  close: () => {
    lock?.release();
    thread.close();
  },
};

const loop = WorkerLoop.open(port, directory, () => {
  makeDirectory(directory);
  lock = lockDirectory(directory);
  const disk = new SqliteDisk(directory);
  return openStore({ ...start, disk, notify: (notice) => port.send({ kind: 'notice', notice }) });
});
if (loop !== null) {
  thread.on('message', (message: ToWorker) => loop.receive(message));
  trimHeap();
  trimHeap();
}
