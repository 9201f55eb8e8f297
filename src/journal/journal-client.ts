import { resolve } from 'node:path';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { EventDraft, HeadgateEvent } from '../model/event.ts';
import { encodeEvents, MAX_EVENT_BYTES } from '../model/event-codec.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type {
  CommittedEvent,
  Cursor,
  Journal,
  JournalStatus,
  LaneCursors,
  Page,
  PageRequest,
  StreamLedger,
} from '../ports/journal.ts';
import { type Append, committedEvents, type Group, resolveAppends } from './append-group.ts';
import { ClockWatch } from './clock-step.ts';
import { CommitPacker, listOf, type QueuedEvent } from './commit-packer.ts';
import type { JournalConfig } from './config.ts';
import { newJournalId } from './journal-id.ts';
import { ListCache } from './list-cache.ts';
import type { Answers, CommitOutcome, FromWorker, Question } from './messages.ts';
import { BLOCKED_REASONS, noticeToEvent } from './notice-event.ts';
import { OwnEvents } from './own-events.ts';
import { toSettings } from './settings.ts';
import type { StoreNotice } from './store-notice.ts';
import { runVerifier } from './verify-client.ts';
import type { VerifyReport } from './verify-report.ts';
import { WorkerLink } from './worker-link.ts';
import { type StartWorker, startWorkerThread } from './worker-thread.ts';

/** What opening a journal needs. */
export interface OpenJournalOptions {
  /** The data directory; made if it is missing. */
  readonly directory: string;
  readonly config: JournalConfig;
  readonly clock: Clock;
  readonly observer: Observer;
  /** CloudEvents source of gap events. Default `/headgate/journal`. */
  readonly source?: string;
  /** Subject of gap events: the gateway's place in the plant. Default `headgate`. */
  readonly subject?: string;
  /** What runs the engine. Default: a worker thread. */
  readonly startWorker?: StartWorker;
}

/** The journal with what its owner alone needs. */
export interface JournalHandle extends Journal {
  /** The ledger by stream. */
  streamLedger(): Promise<StreamLedger>;
  /** Check every stored event and the ledger, in a thread of its own, while commits go on. */
  verify(options?: { onProgress?(done: number, of: number): void }): Promise<VerifyReport>;
}

const TICK_MS = 1000;

/** What goes to the worker without waiting for what else comes in this turn. */
const FULL_GROUP_BYTES = 65_536;

/**
 * Open the durable journal of a data directory and start its worker thread. Needs nothing to be reachable; takes about as long with a
 * large backlog as with none.
 * @throws JOURNAL_LOCKED another process has it; JOURNAL_UNAVAILABLE the directory cannot be written
 */
export async function openJournal(options: OpenJournalOptions): Promise<JournalHandle> {
  const journal = new JournalClient({ ...options, directory: resolve(options.directory) });
  await journal.open();
  return journal;
}

class JournalClient implements JournalHandle {
  readonly failed: Promise<Error>;
  readonly #options: OpenJournalOptions;
  readonly #settings;
  readonly #link: WorkerLink;
  readonly #packer = new CommitPacker();
  readonly #lists = new ListCache();
  readonly #listeners = new Set<(events: readonly CommittedEvent[]) => void>();
  readonly #groups = new Map<number, Group>();
  readonly #own: OwnEvents;
  readonly #clockWatch: ClockWatch;
  #wallAtStart: number;
  readonly #monotonicAtStart: number;
  #journalId = '';
  #lastSequence = 0;
  #outgoing: Append[] = [];
  #outgoingBytes = 0;
  #queuedEvents = 0;
  #queuedBytes = 0;
  #nextGroup = 1;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #isFlushScheduled = false;
  #failure: HeadgateError | null = null;
  #isClosed = false;
  #closing: Promise<void> | null = null;
  #tick: Timer | null = null;
  #resolveFailed: (error: Error) => void = () => undefined;

  constructor(options: OpenJournalOptions) {
    this.#options = options;
    this.#settings = toSettings(options.config);
    this.#clockWatch = new ClockWatch(options.clock);
    this.#wallAtStart = options.clock.now();
    this.#monotonicAtStart = options.clock.monotonic();
    const { observer, source = '/headgate/journal', subject = 'headgate' } = options;
    this.#own = new OwnEvents({
      observer,
      source,
      subject,
      append: (drafts) => this.append(drafts),
      onGapsTold: (tellings) => this.#link.post({ kind: 'gaps-told', tellings }),
      isOpen: () => !this.#isClosed && this.#journalId !== '',
    });
    this.failed = new Promise((resolveFailed) => {
      this.#resolveFailed = resolveFailed;
    });
    this.#link = new WorkerLink(
      options.startWorker ?? startWorkerThread,
      { directory: options.directory, settings: this.#settings, now: this.#now(), newJournalId: newJournalId() },
      (message) => this.#receive(message),
      (reason) => this.#fail(reason),
    );
  }

  get journalId(): string {
    return this.#journalId;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  async open(): Promise<void> {
    const opened = await this.#link.opened(this.#options.directory);
    this.#journalId = opened.journalId;
    this.#lastSequence = opened.lastSequence;
    for (const gap of opened.untold) this.#own.gap(gap);
    const { directory, observer } = this.#options;
    observer.emit('journal-opened', { directory, journal: this.#journalId, last: this.#lastSequence });
    this.#scheduleTick();
    this.#own.tellGaps();
  }

  append(drafts: readonly EventDraft[]): Promise<readonly HeadgateEvent[]> {
    const refusal = this.#failure ?? (this.#isClosed ? new HeadgateError('JOURNAL_CLOSED') : null);
    if (refusal !== null) return Promise.reject(refusal);
    if (drafts.length === 0) return Promise.resolve([]);
    if (this.#queuedEvents > 0 && this.#queuedEvents + drafts.length > this.#settings.queueEvents) {
      return Promise.reject(this.#overloaded(drafts.length));
    }
    const encoded = encodeEvents(drafts);
    const events: QueuedEvent[] = [];
    let total = 0;
    for (const [i, draft] of drafts.entries()) {
      const bytes = encoded[i] as Uint8Array;
      if (bytes.length > MAX_EVENT_BYTES) {
        const context = { type: draft.type, subject: draft.subject, bytes: bytes.length, limit: MAX_EVENT_BYTES };
        return Promise.reject(new HeadgateError('JOURNAL_EVENT_TOO_LARGE', context));
      }
      events.push({ draft, bytes, list: this.#lists.keep(listOf(draft)) });
      total += bytes.length;
    }
    if (this.#queuedEvents > 0 && this.#queuedBytes + total > this.#settings.queueBytes) {
      return Promise.reject(this.#overloaded(drafts.length));
    }
    this.#queuedEvents += events.length;
    this.#queuedBytes += total;
    return new Promise((resolveAppend, reject) => {
      this.#outgoing.push({ events, bytes: total, resolve: resolveAppend, reject });
      this.#outgoingBytes += total;
      // The worker writes it while this thread encodes the next.
      if (this.#outgoingBytes >= FULL_GROUP_BYTES) this.#flush();
      else this.#scheduleFlush();
    });
  }

  onCommit(listener: (events: readonly CommittedEvent[]) => void): () => void {
    // A set member of its own: the same function may be registered twice.
    const entry = (events: readonly CommittedEvent[]) => listener(events);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  async read(request: PageRequest): Promise<Page> {
    const answer = await this.#ask({ kind: 'read', request });
    return this.#lists.page(answer);
  }

  openCursor(consumer: string, start: 'now' | 'beginning'): Promise<LaneCursors> {
    this.#flush();
    return this.#ask({ kind: 'open-cursor', consumer, start });
  }

  moveCursor(consumer: string, cursor: Cursor, lanes: readonly Lane[] = LANES): void {
    if (this.#failure === null && !this.#isClosed) this.#link.post({ kind: 'move-cursor', consumer, cursor, lanes });
  }

  async forgetCursor(consumer: string): Promise<void> {
    const isKnown = await this.#ask({ kind: 'forget-cursor', consumer });
    if (!isKnown) throw new HeadgateError('JOURNAL_CURSOR_UNKNOWN', { consumer });
  }

  streamLedger(): Promise<StreamLedger> {
    return this.#ask({ kind: 'streams' });
  }

  status(): Promise<JournalStatus> {
    return this.#ask({ kind: 'status' });
  }

  async verify(options: { onProgress?(done: number, of: number): void } = {}): Promise<VerifyReport> {
    // Sealed files stand alone, so the verifier never touches what the worker writes.
    const snapshot = await this.#ask({ kind: 'seal' });
    const report = await runVerifier(this.#options.directory, snapshot, options.onProgress);
    // What is bad now would be found so at its next reading: put aside and told at once, the rest serves.
    if (report.problems.length > 0) await this.#ask({ kind: 'put-aside', problems: report.problems });
    return report;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#tick?.cancel();
    this.#flush();
    this.#isClosed = true;
    if (this.#failure === null) {
      try {
        await this.#link.close(this.#now(), this.#options.clock.monotonic());
      } catch (error) {
        // A journal that fails while it closes is told through `failed`; it is closed all the same.
        if (this.#failure === null) throw error;
      }
    }
    await this.#link.terminate();
    this.#rejectAll(this.#failure ?? new HeadgateError('JOURNAL_CLOSED'));
    this.#options.observer.emit('journal-closed', { last: this.#lastSequence });
  }

  #ask<Q extends Question>(question: Q): Promise<Answers[Q['kind']]> {
    const refusal = this.#failure ?? (this.#isClosed ? new HeadgateError('JOURNAL_CLOSED') : null);
    if (refusal !== null) return Promise.reject(refusal);
    return this.#link.ask(question, this.#now(), this.#options.clock.monotonic());
  }

  /** Wall clock at start, moved on by monotonic time, and by steps together with what is stored: ages do not jump when the wall clock is set. */
  #now(): number {
    return Math.floor(this.#wallAtStart + this.#options.clock.monotonic() - this.#monotonicAtStart);
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    const { clock } = this.#options;
    const waitMs = this.#lastFlushMs + this.#settings.lingerMs - clock.monotonic();
    // One turn later even without linger: what other callbacks of this turn append shares the commit.
    const flush = () => {
      this.#isFlushScheduled = false;
      this.#flush();
    };
    if (waitMs <= 0) clock.soon(flush);
    else clock.after(waitMs, flush);
  }

  /** What a segment was thinned to, behind all that waits, in a commit of its own; the queue's bounds are not for it. */
  #appendThinned(drafts: readonly EventDraft[], segment: number): void {
    if (this.#failure !== null || this.#isClosed) return;
    this.#flush();
    const encoded = encodeEvents(drafts);
    const events = drafts.map((draft, i): QueuedEvent => ({ draft, bytes: encoded[i] as Uint8Array, list: null }));
    const bytes = events.reduce((sum, event) => sum + event.bytes.length, 0);
    this.#queuedEvents += events.length;
    this.#queuedBytes += bytes;
    // If it is rejected, the segment stays as it is, and goes as it is.
    this.#send([{ events, bytes, resolve: () => undefined, reject: () => undefined }], segment);
  }

  #flush(): void {
    if (this.#outgoing.length === 0 || this.#failure !== null) return;
    const appends = this.#outgoing;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.#send(appends, null);
  }

  #send(appends: readonly Append[], thins: number | null): void {
    const { clock } = this.#options;
    this.#lastFlushMs = clock.monotonic();
    const recorded = Math.floor(clock.now());
    const group = this.#nextGroup++;
    const events = appends.length === 1 ? (appends[0]?.events ?? []) : appends.flatMap((append) => append.events);
    this.#groups.set(group, { appends, recorded });
    this.#link.commit(this.#packer.pack(events, group, this.#now(), recorded, thins), this.#lastFlushMs);
  }

  #receive(message: Exclude<FromWorker, { kind: 'opened' | 'refused' | 'answer' }>): void {
    if (message.kind === 'notice') this.#notice(message.notice);
    else if (message.kind === 'failed') this.#fail(message.reason);
    else for (const outcome of message.outcomes) this.#settleGroup(outcome);
  }

  #settleGroup(outcome: CommitOutcome): void {
    const group = this.#groups.get(outcome.group);
    if (group === undefined) return;
    this.#groups.delete(outcome.group);
    const count = group.appends.reduce((sum, append) => sum + append.events.length, 0);
    this.#queuedEvents -= count;
    this.#queuedBytes -= group.appends.reduce((sum, append) => sum + append.bytes, 0);
    const { observer, directory } = this.#options;
    if ('rejected' in outcome) {
      const reason = BLOCKED_REASONS[outcome.rejected];
      this.#own.refused(count, reason, this.#now());
      observer.emit('journal-disk-full', { reason }, count);
      if (outcome.kept !== undefined) {
        const { first, lanes } = outcome.kept;
        // Whoever keeps up with what is stored must have what stays of a rejected group, too.
        const kept = committedEvents(group, this.#journalId, first).filter(({ lane }) => lanes.includes(lane));
        this.#lastSequence = Math.max(this.#lastSequence, kept.at(-1)?.sequence ?? 0);
        this.#announce(kept);
      }
      for (const append of group.appends) append.reject(new HeadgateError('JOURNAL_DISK_FULL', { directory, reason }));
      return;
    }
    this.#own.accepted(this.#now());
    this.#lastSequence = outcome.first + count - 1;
    observer.emit('journal-committed', undefined, count);
    const committed = committedEvents(group, this.#journalId, outcome.first);
    this.#announce(committed);
    resolveAppends(group, committed);
  }

  #announce(events: readonly CommittedEvent[]): void {
    for (const listener of [...this.#listeners]) listener(events);
  }

  #notice(notice: StoreNotice): void {
    const { name, fields, count } = noticeToEvent(notice);
    this.#options.observer.emit(name, fields, count);
    if (notice.kind === 'thinned') this.#appendThinned(notice.drafts, notice.segment.first);
    const untold = notice.kind === 'gap' ? [notice.gap] : notice.kind === 'gaps-untold' ? notice.gaps : [];
    if (untold.length > 0) {
      for (const gap of untold) this.#own.gap(gap);
      this.#options.clock.soon(() => this.#own.tellGaps());
    }
  }

  #scheduleTick(): void {
    const { clock } = this.#options;
    this.#tick = clock.after(TICK_MS, () => {
      if (this.#failure !== null || this.#isClosed) return;
      if (clock.monotonic() - this.#link.waitingSince > this.#settings.commitTimeoutMs) {
        this.#fail(`no answer from the disk for ${this.#settings.commitTimeoutMs} ms`);
        return;
      }
      this.#lookAtClock();
      this.#link.post({ kind: 'tick', now: this.#now() });
      this.#own.tellGaps();
      this.#scheduleTick();
    });
  }

  /** A step moves the scale that ages are counted on, and what was stored on it: nothing grows old by it. */
  #lookAtClock(): void {
    const step = this.#clockWatch.look();
    if (step === null) return;
    // On the scale that what is stored has its times of: it and the watch's are milliseconds apart where a slow machine read two clocks.
    const before = this.#now();
    this.#wallAtStart += step.stepMs;
    this.#link.post({ kind: 'clock-step', step: { ...step, before } });
    this.#own.clockStepped(step);
  }

  #overloaded(count: number): HeadgateError {
    const context = { events: this.#queuedEvents, bytes: this.#queuedBytes };
    this.#options.observer.emit('journal-overloaded', undefined, count);
    return new HeadgateError('JOURNAL_OVERLOADED', context);
  }

  #fail(reason: string): void {
    if (this.#failure !== null || (this.#isClosed && this.#closing === null)) return;
    const { directory, observer } = this.#options;
    this.#failure = new HeadgateError('JOURNAL_FAILED', { directory, reason });
    observer.emit('journal-failed', { directory, reason });
    this.#tick?.cancel();
    this.#rejectAll(this.#failure);
    this.#resolveFailed(this.#failure);
  }

  #rejectAll(error: HeadgateError): void {
    for (const { appends } of this.#groups.values()) for (const append of appends) append.reject(error);
    for (const append of this.#outgoing) append.reject(error);
    this.#groups.clear();
    this.#outgoing = [];
    this.#link.rejectAll(error);
  }
}
