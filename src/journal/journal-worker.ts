import { setImmediate } from 'node:timers';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { isHeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Lane } from '../model/tag.ts';
import { LANES } from '../model/tag.ts';
import { trimHeap } from '../ports/trim-heap.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { makeDirectory } from './disk-space.ts';
import type { CommitRequest, FromWorker, PageAnswer, Question, ToWorker, WorkerStart } from './messages.ts';
import { openStore } from './open-store.ts';
import { PageReader } from './page-reader.ts';
import type { EncodedList, NewRecord, StreamKey } from './record.ts';
import type { SegmentInfo } from './segment-info.ts';
import { SegmentDamageError } from './segment-shelf.ts';
import { SqliteDisk } from './sqlite-disk.ts';
import { codeOf, failureKind } from './sqlite-failure.ts';
import type { Store } from './store.ts';
import type { Thinner } from './thinner.ts';

/*
 * The journal worker: the only owner of the journal's files. Takes all messages that have come, commits what is among them in one
 * transaction for each lane, answers, and between commits does a slice of reading and of hashing.
 */

/** Bounds of one transaction; what is beyond forms the next. */
const MAX_COMMIT_EVENTS = 20_000;
const MAX_COMMIT_BYTES = 2 * 1024 * 1024;

const port = parentPort;
if (port === null) throw new Error('journal-worker.ts runs as a worker thread');
const start = workerData as WorkerStart;
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const streams: StreamKey[] = [];
const lists: EncodedList[] = [];
const inbox: ToWorker[] = [];
const reader = new PageReader();
let hashing: { segment: SegmentInfo; steps: Generator<void, string, void> } | null = null;
let thinner: Thinner | null = null;
/** What was thinned last is committed, or given up. */
let isThinnedOut = true;
let isScheduled = false;
let hasFailed = false;

const opened = open();
if (opened !== null) {
  const { store, lock } = opened;
  const turn = () => {
    isScheduled = false;
    if (hasFailed) return;
    try {
      collect();
      while (inbox.length > 0) work(store, lock);
      if (reader.isBusy) answerRead(store);
      else if (hashing !== null || store.unhashed.length > 0) hashStep(store);
      else thinStep(store);
      const hasWork = reader.isBusy || hashing !== null || store.unhashed.length > 0 || thinner !== null;
      if (!isScheduled && hasWork) schedule();
    } catch (error) {
      fail(error);
    }
  };
  const schedule = () => {
    isScheduled = true;
    setImmediate(turn);
  };
  port.on('message', (message: ToWorker) => {
    inbox.push(message);
    if (!isScheduled) turn();
  });
  trimHeap();
  schedule();
}

function open(): { store: Store; lock: DirectoryLock } | null {
  const { directory } = start;
  try {
    makeDirectory(directory);
    const lock = lockDirectory(directory);
    const store = openStore({
      ...start,
      disk: new SqliteDisk(directory),
      notify: (notice) => send({ kind: 'notice', notice }),
    });
    send({ kind: 'opened', journalId: store.journalId, lastSequence: store.lastSequence, untold: store.untoldGaps() });
    return { store, lock };
  } catch (error) {
    if (isHeadgateError(error)) send({ kind: 'refused', code: error.code, context: error.context });
    else send({ kind: 'refused', code: 'JOURNAL_UNAVAILABLE', context: { directory, reason: reasonOf(error) } });
    return null;
  }
}

/** Take what else has come, so that it shares the next commit. */
function collect(): void {
  for (;;) {
    const next = receiveMessageOnPort(portOf());
    if (next === undefined) return;
    inbox.push(next.message as ToWorker);
  }
}

function portOf() {
  if (port === null) throw new Error('no port');
  return port;
}

/** Handle the first message, and if it is a commit those that follow it directly. */
function work(store: Store, lock: DirectoryLock): void {
  const message = inbox.shift();
  if (message === undefined) return;
  switch (message.kind) {
    case 'commit': {
      if (message.thins !== null) {
        commitThinned(store, message, message.thins);
        collect();
        return;
      }
      const requests = [message];
      let events = message.lanes.length;
      let bytes = message.payload.length;
      for (let next = inbox[0]; next?.kind === 'commit' && next.thins === null; next = inbox[0]) {
        events += next.lanes.length;
        bytes += next.payload.length;
        if (events > MAX_COMMIT_EVENTS || bytes > MAX_COMMIT_BYTES) break;
        requests.push(next);
        inbox.shift();
      }
      commit(store, requests);
      collect();
      return;
    }
    case 'move-cursor':
      store.moveCursor(message.consumer, message.cursor, message.lanes);
      return;
    case 'gaps-told':
      store.gapsTold(message.ids);
      return;
    case 'clock-step':
      store.clockStepped(message.step);
      return;
    case 'tick':
      store.tick(message.now);
      if (isThinnedOut) thinner ??= store.nextToThin(message.now);
      return;
    default:
      answer(store, lock, message);
  }
}

function commit(store: Store, requests: readonly CommitRequest[]): void {
  const groups = requests.map((request) => ({ records: unpack(store, request), recorded: request.recorded }));
  const outcomes = store.commit(groups, requests[0]?.now ?? 0);
  send({ kind: 'committed', outcomes: outcomes.map((outcome, i) => ({ group: requests[i]?.group ?? 0, ...outcome })) });
}

function commitThinned(store: Store, request: CommitRequest, thins: number): void {
  const group = { records: unpack(store, request), recorded: request.recorded };
  const [outcome = { rejected: 'disk' as const }] = store.commitThinned(group, thins, request.now);
  isThinnedOut = true;
  send({ kind: 'committed', outcomes: [{ group: request.group, ...outcome }] });
}

function unpack(store: Store, request: CommitRequest): NewRecord[] {
  if (request.isReset) {
    streams.length = 0;
    lists.length = 0;
    store.forgetReferences();
  }
  streams.push(...request.newStreams);
  for (const list of request.newLists) {
    lists.push(list);
    reader.knows(list.id);
  }
  const records: NewRecord[] = [];
  let begin = 0;
  for (let i = 0; i < request.lanes.length; i++) {
    const end = request.ends[i] ?? begin;
    const stream = streams[(request.streams[i] ?? 0) - 1];
    if (stream === undefined) throw new Error('unknown stream reference');
    records.push({
      lane: LANES[request.lanes[i] ?? 0] as Lane,
      stream,
      list: lists[(request.lists[i] ?? 0) - 1] ?? null,
      time: request.times[i] ?? 0,
      payload: request.payload.subarray(begin, end),
    });
    begin = end;
  }
  return records;
}

function answer(store: Store, lock: DirectoryLock, question: Question & { id: number; now: number }): void {
  const { id, now } = question;
  switch (question.kind) {
    case 'read':
      reader.ask(id, question.request);
      return;
    case 'open-cursor':
      send({ kind: 'answer', id, value: store.openCursor(question.consumer, question.start, now) });
      return;
    case 'forget-cursor':
      send({ kind: 'answer', id, value: store.forgetCursor(question.consumer) });
      return;
    case 'status':
      send({ kind: 'answer', id, value: store.status() });
      return;
    case 'streams':
      send({ kind: 'answer', id, value: store.streamLedger() });
      return;
    case 'seal':
      store.sealAll();
      send({ kind: 'answer', id, value: store.snapshot() });
      return;
    case 'put-aside':
      store.putAside(question.problems);
      send({ kind: 'answer', id, value: null });
      return;
    case 'close':
      hashing?.steps.return('');
      store.close(now);
      lock.release();
      hasFailed = true;
      send({ kind: 'answer', id, value: null });
      portOf().close();
  }
}

function answerRead(store: Store): void {
  const done = reader.step(store);
  if (done === null) return;
  const page: PageAnswer = done.page;
  send({ kind: 'answer', id: done.id, value: page }, [page.payload.buffer as ArrayBuffer]);
}

function hashStep(store: Store): void {
  const segment = hashing?.segment ?? store.unhashed[0];
  if (segment === undefined) return;
  if (segment.state !== 'sealed') {
    hashing?.steps.return('');
    hashing = null;
    return;
  }
  try {
    hashing ??= { segment, steps: store.hash(segment) };
    const step = hashing.steps.next();
    if (step.done !== true) return;
    store.setHash(segment, step.value);
    hashing = null;
  } catch (error) {
    hashing = null;
    if (error instanceof SegmentDamageError || ['ENOENT', 'EIO'].includes(codeOf(error))) {
      store.reportDamage(segment, messageOf(error));
    } else throw error;
  }
}

/** What comes of it the main thread appends, so that everybody hears of it. */
function thinStep(store: Store): void {
  if (thinner === null) return;
  const drafts = store.thinStep(thinner);
  if (drafts === null) return;
  const { segment } = thinner;
  thinner = null;
  if (drafts.length === 0) return;
  isThinnedOut = false;
  send({ kind: 'notice', notice: { kind: 'thinned', segment, drafts } });
}

/** After this nothing is acknowledged: what the last commit wrote may or may not be on the disk. */
function fail(error: unknown): void {
  hasFailed = true;
  send({ kind: 'failed', reason: reasonOf(error) });
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const kind = failureKind(error);
  return `${messageOf(error)}${code === '' ? '' : ` (${code})`}${kind === 'full' ? ', the disk is full' : ''}`;
}
