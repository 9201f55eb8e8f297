import { isHeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Lane } from '../model/tag.ts';
import { LANES } from '../model/tag.ts';
import type { CommitRequest, FromWorker, Question, ToWorker } from './messages.ts';
import { PageReader } from './page-reader.ts';
import type { EncodedList, NewRecord, StreamKey } from './record.ts';
import type { SegmentInfo } from './segment-info.ts';
import { SegmentDamageError } from './segment-shelf.ts';
import { codeOf, failureKind } from './sqlite-failure.ts';
import type { Store } from './store.ts';
import type { Thinner } from './thinner.ts';

/** Bounds of one transaction; what is beyond forms the next. */
const MAX_COMMIT_EVENTS = 20_000;
const MAX_COMMIT_BYTES = 2 * 1024 * 1024;

/** What the loop runs on: a thread's message port, or a simulated one. */
export interface WorkerPort {
  send(message: FromWorker, transfer?: ArrayBuffer[]): void;
  /** The next message that has come already, ahead of its `receive`. */
  take(): ToWorker | undefined;
  /** Call back in a later turn, after what has come by then. */
  soon(callback: () => void): void;
  /** The journal is closed: nothing more comes or goes. */
  close(): void;
}

/**
 * The journal worker: the only owner of the journal's files. Takes all messages that have come, commits what is among them in one
 * transaction for each lane, answers, and between commits does a slice of reading, of hashing and of thinning.
 */
export class WorkerLoop {
  readonly #port: WorkerPort;
  readonly #store: Store;
  readonly #streams: StreamKey[] = [];
  readonly #lists: EncodedList[] = [];
  readonly #inbox: ToWorker[] = [];
  readonly #reader = new PageReader();
  #hashing: { readonly segment: SegmentInfo; readonly steps: Generator<void, string, void> } | null = null;
  #thinner: Thinner | null = null;
  /** What was thinned last is committed, or given up. */
  #isThinnedOut = true;
  #isScheduled = false;
  #hasEnded = false;

  private constructor(port: WorkerPort, store: Store) {
    this.#port = port;
    this.#store = store;
  }

  /** Open the store, tell how that went, and go on working. Returns null when it was refused. */
  static open(port: WorkerPort, directory: string, open: () => Store): WorkerLoop | null {
    try {
      const store = open();
      const { journalId, lastSequence } = store;
      port.send({ kind: 'opened', journalId, lastSequence, untold: store.untoldGaps() });
      const loop = new WorkerLoop(port, store);
      loop.#schedule();
      return loop;
    } catch (error) {
      if (isHeadgateError(error)) port.send({ kind: 'refused', code: error.code, context: error.context });
      else port.send({ kind: 'refused', code: 'JOURNAL_UNAVAILABLE', context: { directory, reason: reasonOf(error) } });
      return null;
    }
  }

  /** A message has come. */
  receive(message: ToWorker): void {
    this.#inbox.push(message);
    if (!this.#isScheduled) this.#turn();
  }

  #schedule(): void {
    this.#isScheduled = true;
    this.#port.soon(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#hasEnded) return;
    try {
      this.#collect();
      while (this.#inbox.length > 0) this.#work();
      if (this.#reader.isBusy) this.#answerRead();
      else if (this.#hasToHash) this.#hashStep();
      else this.#thinStep();
      const isBusy = this.#reader.isBusy || this.#hasToHash || this.#thinner !== null;
      if (!this.#isScheduled && !this.#hasEnded && isBusy) this.#schedule();
    } catch (error) {
      // After this nothing is acknowledged: what the last commit wrote may or may not be on the disk.
      this.#hasEnded = true;
      this.#port.send({ kind: 'failed', reason: reasonOf(error) });
    }
  }

  get #hasToHash(): boolean {
    return this.#hashing !== null || this.#store.unhashed.length > 0;
  }

  /** Take what else has come, so that it shares the next commit. */
  #collect(): void {
    for (let next = this.#port.take(); next !== undefined; next = this.#port.take()) this.#inbox.push(next);
  }

  /** Handle the first message, and if it is a commit those that follow it directly. */
  #work(): void {
    const message = this.#inbox.shift();
    if (message === undefined) return;
    switch (message.kind) {
      case 'commit': {
        if (message.thins !== null) {
          this.#commitThinned(message, message.thins);
          this.#collect();
          return;
        }
        const requests = [message];
        let events = message.lanes.length;
        let bytes = message.payload.length;
        for (let next = this.#inbox[0]; next?.kind === 'commit' && next.thins === null; next = this.#inbox[0]) {
          events += next.lanes.length;
          bytes += next.payload.length;
          if (events > MAX_COMMIT_EVENTS || bytes > MAX_COMMIT_BYTES) break;
          requests.push(next);
          this.#inbox.shift();
        }
        this.#commit(requests);
        this.#collect();
        return;
      }
      case 'move-cursor':
        this.#store.moveCursor(message.consumer, message.cursor, message.lanes);
        return;
      case 'gaps-told':
        this.#store.gapsTold(message.tellings);
        return;
      case 'clock-step':
        this.#store.clockStepped(message.step);
        return;
      case 'tick':
        this.#store.tick(message.now);
        if (this.#isThinnedOut) this.#thinner ??= this.#store.thinning.next(message.now);
        return;
      default:
        this.#answer(message);
    }
  }

  #commit(requests: readonly CommitRequest[]): void {
    const groups = requests.map((request) => ({ records: this.#unpack(request), recorded: request.recorded }));
    const outcomes = this.#store.commit(groups, requests[0]?.now ?? 0);
    this.#port.send({
      kind: 'committed',
      outcomes: outcomes.map((outcome, i) => ({ group: requests[i]?.group ?? 0, ...outcome })),
    });
  }

  #commitThinned(request: CommitRequest, thins: number): void {
    const group = { records: this.#unpack(request), recorded: request.recorded };
    const [outcome = { rejected: 'disk' as const }] = this.#store.commitThinned(group, thins, request.now);
    this.#isThinnedOut = true;
    this.#port.send({ kind: 'committed', outcomes: [{ group: request.group, ...outcome }] });
  }

  #unpack(request: CommitRequest): NewRecord[] {
    if (request.isReset) {
      this.#streams.length = 0;
      this.#lists.length = 0;
      this.#store.forgetReferences();
    }
    this.#streams.push(...request.newStreams);
    for (const list of request.newLists) {
      this.#lists.push(list);
      this.#reader.knows(list.id);
    }
    const records: NewRecord[] = [];
    let begin = 0;
    for (let i = 0; i < request.lanes.length; i++) {
      const end = request.ends[i] ?? begin;
      const stream = this.#streams[(request.streams[i] ?? 0) - 1];
      if (stream === undefined) throw new Error('unknown stream reference');
      records.push({
        lane: LANES[request.lanes[i] ?? 0] as Lane,
        stream,
        list: this.#lists[(request.lists[i] ?? 0) - 1] ?? null,
        time: request.times[i] ?? 0,
        payload: request.payload.subarray(begin, end),
      });
      begin = end;
    }
    return records;
  }

  #answer(question: Question & { readonly id: number; readonly now: number }): void {
    const { id, now } = question;
    const store = this.#store;
    switch (question.kind) {
      case 'read':
        this.#reader.ask(id, question.request);
        return;
      case 'open-cursor':
        this.#port.send({ kind: 'answer', id, value: store.openCursor(question.consumer, question.start, now) });
        return;
      case 'forget-cursor':
        this.#port.send({ kind: 'answer', id, value: store.forgetCursor(question.consumer) });
        return;
      case 'status':
        this.#port.send({ kind: 'answer', id, value: store.status() });
        return;
      case 'streams':
        this.#port.send({ kind: 'answer', id, value: store.streamLedger() });
        return;
      case 'put-aside':
        store.putAside(question.problems);
        this.#port.send({ kind: 'answer', id, value: null });
        return;
      case 'seal':
        store.sealAll();
        this.#port.send({ kind: 'answer', id, value: store.snapshot() });
        return;
      case 'close':
        this.#hashing?.steps.return('');
        this.#hashing = null;
        store.close(now);
        this.#hasEnded = true;
        this.#port.send({ kind: 'answer', id, value: null });
        this.#port.close();
    }
  }

  #answerRead(): void {
    const done = this.#reader.step(this.#store);
    if (done === null) return;
    const { id, page } = done;
    this.#port.send({ kind: 'answer', id, value: page }, [page.payload.buffer as ArrayBuffer]);
  }

  #hashStep(): void {
    const segment = this.#hashing?.segment ?? this.#store.unhashed[0];
    if (segment === undefined) return;
    if (segment.state !== 'sealed') {
      this.#hashing?.steps.return('');
      this.#hashing = null;
      return;
    }
    try {
      this.#hashing ??= { segment, steps: this.#store.hash(segment) };
      const step = this.#hashing.steps.next();
      if (step.done !== true) return;
      this.#store.setHash(segment, step.value);
      this.#hashing = null;
    } catch (error) {
      this.#hashing = null;
      if (error instanceof SegmentDamageError || ['ENOENT', 'EIO'].includes(codeOf(error))) {
        this.#store.reportDamage(segment, messageOf(error));
      } else throw error;
    }
  }

  /** What comes of it the main thread appends, so that everybody hears of it. */
  #thinStep(): void {
    if (this.#thinner === null) return;
    const drafts = this.#store.thinning.step(this.#thinner);
    if (drafts === null) return;
    const { segment } = this.#thinner;
    this.#thinner = null;
    if (drafts.length === 0) return;
    this.#isThinnedOut = false;
    this.#port.send({ kind: 'notice', notice: { kind: 'thinned', segment, drafts } });
  }
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const kind = failureKind(error);
  return `${messageOf(error)}${code === '' ? '' : ` (${code})`}${kind === 'full' ? ', the disk is full' : ''}`;
}
