import { HeadgateError } from '../errors/headgate-error.ts';
import type { Answers, CommitRequest, FromWorker, Question, ToWorker, WorkerStart } from './messages.ts';
import type { StartWorker, WorkerThread } from './worker-thread.ts';

type Opened = Extract<FromWorker, { kind: 'opened' }>;
type Told = Exclude<FromWorker, { kind: 'opened' | 'refused' | 'answer' }>;

interface Asked {
  readonly since: number;
  resolve(value: Answers[keyof Answers]): void;
  reject(error: Error): void;
}

/** The worker thread and what was asked of it. */
export class WorkerLink {
  readonly #worker: WorkerThread;
  readonly #asked = new Map<number, Asked>();
  readonly #commits = new Map<number, number>();
  readonly #onTold: (message: Told) => void;
  #nextId = 1;
  #isEnding = false;
  #settleOpened: { resolve(opened: Opened): void; reject(error: Error): void } | null = null;
  readonly #opened: Promise<Opened>;

  /**
   * @param onTold everything that is not an answer
   * @param onEnd the thread ended by itself
   */
  constructor(
    begin: StartWorker,
    start: WorkerStart,
    onTold: (message: Told) => void,
    onEnd: (reason: string) => void,
  ) {
    this.#onTold = onTold;
    this.#opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject };
    });
    const ended = (reason: string) => {
      if (this.#isEnding) return;
      const { directory } = start;
      this.#settleOpened?.reject(new HeadgateError('JOURNAL_UNAVAILABLE', { directory, reason }));
      onEnd(reason);
    };
    this.#worker = begin(start, { onMessage: (message) => this.#receive(message), onEnd: ended });
  }

  /** Monotonic time since when the oldest unanswered message waits; infinitely late when there is none. */
  get waitingSince(): number {
    const [commit] = this.#commits.values();
    const [asked] = this.#asked.values();
    return Math.min(commit ?? Number.POSITIVE_INFINITY, asked?.since ?? Number.POSITIVE_INFINITY);
  }

  /** @throws what the worker refused to open for */
  async opened(directory: string): Promise<Opened> {
    try {
      return await this.#opened;
    } catch (error) {
      this.#isEnding = true;
      await this.#worker.terminate();
      throw error instanceof HeadgateError ? error : new HeadgateError('JOURNAL_UNAVAILABLE', { directory }, error);
    }
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  commit(request: CommitRequest, sinceMs: number): void {
    this.#commits.set(request.group, sinceMs);
    this.#worker.postMessage(request, [request.payload.buffer as ArrayBuffer]);
  }

  ask<Q extends Question>(question: Q, now: number, sinceMs: number): Promise<Answers[Q['kind']]> {
    return new Promise((resolve, reject) => {
      this.#ask(question, now, { since: sinceMs, resolve: resolve as Asked['resolve'], reject });
    });
  }

  /** Commit what was posted and end. From its answer on the end of the thread is no failure, however soon it comes. */
  close(now: number, sinceMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = () => {
        this.#isEnding = true;
        resolve();
      };
      this.#ask({ kind: 'close' }, now, { since: sinceMs, resolve: closed, reject });
    });
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
    this.#commits.clear();
  }

  async terminate(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }

  #ask(question: Question, now: number, asked: Asked): void {
    const id = this.#nextId++;
    this.#asked.set(id, asked);
    this.#worker.postMessage({ ...question, id, now });
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        this.#settleOpened?.resolve(message);
        this.#settleOpened = null;
        return;
      case 'refused':
        this.#settleOpened?.reject(new HeadgateError(message.code, message.context));
        this.#settleOpened = null;
        return;
      case 'answer':
        this.#asked.get(message.id)?.resolve(message.value);
        this.#asked.delete(message.id);
        return;
      case 'committed':
        for (const { group } of message.outcomes) this.#commits.delete(group);
        this.#onTold(message);
        return;
      default:
        this.#onTold(message);
    }
  }
}
