import { Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { workerUrl } from './worker-url.ts';

/** Bounds of the worker's heap: rows pass through it, nothing stays. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 };

/** The main thread's end of a journal worker. Messages arrive in the order in which they were posted. */
export interface WorkerThread {
  postMessage(message: ToWorker, transfer?: readonly ArrayBuffer[]): void;
  /** End it, whatever it does. */
  terminate(): Promise<unknown>;
}

/** What the main thread hears of a worker. */
interface WorkerListener {
  onMessage(message: FromWorker): void;
  /** It has ended, called for or not. */
  onEnd(reason: string): void;
}

/** Starts a journal worker. */
export type StartWorker = (start: WorkerStart, listener: WorkerListener) => WorkerThread;

/** Start the journal worker as a thread. */
export const startWorkerThread: StartWorker = (start, listener) => {
  const worker = new Worker(workerUrl('journal-worker'), { workerData: start, resourceLimits: RESOURCE_LIMITS });
  worker.on('message', (message: FromWorker) => listener.onMessage(message));
  worker.on('error', (error) =>
    listener.onEnd(`the journal worker ended: ${error instanceof Error ? error.message : String(error)}`),
  );
  worker.on('exit', (code) => listener.onEnd(`the journal worker ended with code ${code}`));
  return worker;
};
