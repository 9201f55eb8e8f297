import { isHeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { LANES, type Lane } from '../../model/tag.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import type { CommittedEvent, Journal, LaneCursors, StoredEvent } from '../../ports/journal.ts';
import type { Sink } from '../../ports/sink.ts';
import type { ReplayTarget } from '../replay/replay-run.ts';
import type { Shipment, Stream } from './delivery.ts';
import { IdleWait } from './idle-wait.ts';
import { type BatchLimits, LaneFeed, type Ready } from './lane-feed.ts';
import type { Candidate } from './link-share.ts';
import { LinkTraffic, type Load } from './link-traffic.ts';
import { LinkTrust } from './link-trust.ts';
import type { RecentLanes } from './recent-lanes.ts';
import { SinkLink } from './sink-link.ts';
import { SinkReplay } from './sink-replay.ts';
import type { SinkStatus } from './sink-status.ts';
import { SinkTotals } from './sink-totals.ts';
import { SoonestTimer } from './soonest-timer.ts';

export interface SinkRunnerOptions {
  readonly name: string;
  readonly kind: string;
  readonly sink: Sink;
  readonly cursors: LaneCursors;
  readonly journal: Pick<Journal, 'read' | 'moveCursor'>;
  readonly recent: RecentLanes;
  readonly clock: Clock;
  readonly random: Random;
  /** With the sink's name in its fields. */
  readonly observer: Observer;
  /** A cursor moved. */
  readonly onSettled: () => void;
  /** The sink will never take this event; it is passed over. True when the gap that tells of it is stored: only then may a kept cursor pass it. */
  readonly onDeadLetter: (event: StoredEvent, reason: string) => Promise<boolean>;
}

/** This many waiting events of a lane are a backlog, which live data overtakes. */
const BACKLOG_EVENTS = 256;
const READ_RETRY_MS = 1000;
const STREAMS: readonly Stream[] = ['live', 'backlog'];
/** As what a batch without events has its place on the link, whatever its lane: only the cap holds it. */
const TELLING: Candidate = { lane: 'normal', stream: 'live' };

/** Feeds one sink from memory and journal by what its lanes want. Shares nothing with other sinks but read-only events. */
export class SinkRunner {
  readonly #options: SinkRunnerOptions;
  readonly #lanes: Readonly<Record<Lane, LaneFeed>>;
  readonly #feeds: readonly LaneFeed[];
  readonly #link: SinkLink;
  readonly #traffic: LinkTraffic;
  readonly #trust = new LinkTrust();
  readonly #totals = new SinkTotals();
  readonly #wake: SoonestTimer;
  readonly #idle: IdleWait;
  #readRetry: Timer | null = null;
  #isTurnAsked = false;
  #isStopping = false;
  #isStopped = false;
  #replaying = 0;

  constructor(options: SinkRunnerOptions) {
    this.#options = options;
    const { sink, clock, random, observer, journal, recent, cursors } = options;
    const feed = (lane: Lane) =>
      new LaneFeed({
        lane,
        cursor: cursors[lane],
        journal,
        recent,
        backlogEvents: BACKLOG_EVENTS,
        onReady: () => this.#pump(),
        onReadFailed: (error) => this.#readFailed(error),
      });
    this.#lanes = { critical: feed('critical'), normal: feed('normal'), bulk: feed('bulk') };
    this.#feeds = LANES.map((lane) => this.#lanes[lane]);
    this.#traffic = new LinkTraffic(sink.pacing);
    this.#wake = new SoonestTimer(clock, () => this.#pump());
    this.#idle = new IdleWait(clock);
    this.#link = new SinkLink({
      sink,
      clock,
      random,
      observer,
      onUp: () => this.#up(),
      onDown: () => this.#down(),
    });
  }

  start(): void {
    this.#link.start();
  }

  /** New events were committed and are in memory. */
  committed(_events: readonly CommittedEvent[]): void {
    this.#pump();
  }

  /** The end is near: nothing lingers any more, and the backlog stays where it is. */
  hurry(): void {
    this.#isStopping = true;
    this.#pump();
  }

  /** Send what lingers, give confirmations until `deadlineMs`, disconnect. */
  async stop(deadlineMs: Millis): Promise<void> {
    this.hurry();
    if (this.#link.isUp && this.#inFlight() > 0) await this.#idle.wait(deadlineMs);
    this.#isStopped = true;
    this.#wake.cancel();
    this.#readRetry?.cancel();
    await this.#link.stop();
    for (const { delivery } of this.#feeds) delivery.linkDown();
  }

  /** Everything of the lane up to this sequence is confirmed. */
  settled(lane: Lane): number {
    return this.#lanes[lane].delivery.cursor.settled;
  }

  get name(): string {
    return this.#options.name;
  }

  /** The way of a replay: one batch at a time, and only while the link has nothing else to do. Moves no cursor. */
  replayTarget(): ReplayTarget {
    const { sink, clock, name } = this.#options;
    return new SinkReplay({
      name,
      sink,
      clock,
      mayGo: () => this.#hasSpareLink(),
      onSent: (bytes) => {
        this.#replaying++;
        return this.#traffic.sentReplay(bytes, clock.monotonic());
      },
      onDone: () => {
        this.#replaying--;
        this.#pump();
        this.#checkIdle();
      },
      onConfirmed: (charged, bytes, wireBytes) => this.#traffic.confirmedReplay(charged, bytes, wireBytes),
      onFailed: (error) => this.#link.drop(error),
      isStopped: () => this.#isStopping,
    });
  }

  /** Live has a slot left, no backlog waits, and neither cap nor schedule holds it. */
  #hasSpareLink(): boolean {
    if (!this.#link.isUp || this.#isStopping || !this.#trust.isWhole) return false;
    if (this.#inFlight() > Math.max(0, this.#slots() - 3)) return false;
    if (this.#feeds.some(({ delivery }) => delivery.boundary !== null || delivery.hasRemainders)) return false;
    const { clock } = this.#options;
    return this.#traffic.heldMs({ lane: 'bulk', stream: 'backlog' }, clock.now(), clock.monotonic()) === 0;
  }

  status(): SinkStatus {
    const { name, kind, clock } = this.#options;
    const now = clock.monotonic();
    const { critical, normal, bulk } = this.#lanes;
    const load = this.#load();
    return {
      name,
      kind,
      link: this.#link.state,
      cursors: { critical: critical.delivery.cursor, normal: normal.delivery.cursor, bulk: bulk.delivery.cursor },
      settled: this.#settledThrough(),
      waiting: this.#feeds.reduce((sum, feed) => sum + feed.waiting(), 0),
      inFlight: { batches: load.batches, bytes: load.bytes.live + load.bytes.backlog },
      backlog: this.#feeds.reduce((sum, feed) => sum + feed.backlog(), 0),
      held: this.#traffic.holds(clock.now(), now),
      lastError: this.#link.lastError,
      connections: this.#link.connections,
      reconnects: Math.max(0, this.#link.connections - 1),
      connectFailures: this.#link.connectFailures,
      ...this.#totals.figures(now),
    };
  }

  #up(): void {
    this.#trust.up();
    for (const feed of this.#feeds) {
      const to = feed.linkUp();
      const from = feed.delivery.cursor.settled + 1;
      if (to !== null) this.#options.observer.emit('sink-backlog-started', { lane: feed.lane, from, to });
    }
    this.#pump();
  }

  #down(): void {
    this.#wake.cancel();
    if (this.#trust.down()) this.#options.observer.emit('sink-fruitless');
    for (const { delivery } of this.#feeds) delivery.linkDown();
    this.#traffic.lost();
    this.#idle.over();
  }

  /** Send all that may be sent now. */
  #pump(): void {
    if (!this.#link.isUp || this.#isStopped) return;
    const { clock } = this.#options;
    for (const feed of this.#feeds) feed.splitIfBehind();
    while (this.#inFlight() < this.#slots()) {
      if (this.#sendRemainder()) continue;
      const now = clock.monotonic();
      const next = this.#traffic.choose(this.#candidates(now));
      if (next === null) break;
      const shipment = this.#lanes[next.lane].ship(next, this.#limits(next.lane, next.stream), now);
      if (shipment !== null) this.#send(next.lane, shipment);
      if (next.stream === 'backlog' && next.lane !== 'critical') {
        this.#pumpNextTurn();
        break;
      }
    }
    this.#tellPassedOver();
  }

  /** Where no events have come to carry it, what a lane passed over is told by a batch without any. */
  #tellPassedOver(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    for (const feed of this.#feeds) {
      const tellsInMs = feed.tellsInMs(now);
      if (tellsInMs === null || !this.#traffic.hasRoom(TELLING, this.#load())) continue;
      const heldMs = this.#traffic.heldMs(TELLING, clock.now(), now);
      const waitMs = Math.max(heldMs, this.#isStopping ? 0 : tellsInMs);
      const shipment = waitMs > 0 ? null : feed.delivery.tell(now);
      if (shipment !== null) this.#send(feed.lane, shipment);
      else this.#wake.in(waitMs);
    }
  }

  /** A part of a rejected batch goes before all else of its lane, and alone. */
  #sendRemainder(): boolean {
    for (const { lane, delivery } of this.#feeds) {
      if (!delivery.hasRemainders) continue;
      const remainder = delivery.shipRemainder(this.#options.clock.monotonic());
      if (remainder === null) continue;
      this.#send(lane, remainder);
      return true;
    }
    return false;
  }

  /** A backlog batch for each turn of the event loop: encoding many in a row would keep everything else waiting. */
  #pumpNextTurn(): void {
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    this.#options.clock.after(0, () => {
      this.#isTurnAsked = false;
      this.#pump();
    });
  }

  /** Batches that may be on the way; one at a time while connections end without a confirmation. */
  #slots(): number {
    return this.#trust.isDoubtful ? 1 : this.#options.sink.maxInFlight;
  }

  /** All that could go now: it is at hand, has lingered long enough, and neither link, schedule nor cap holds it. */
  #candidates(now: Millis): Ready[] {
    const candidates: Ready[] = [];
    const load = this.#load();
    const wall = this.#options.clock.now();
    for (const feed of this.#feeds) {
      const { lane, delivery } = feed;
      if (delivery.hasRemainders) continue;
      for (const stream of STREAMS) {
        if (!this.#traffic.hasRoom({ lane, stream }, load)) continue;
        if (this.#isStopping && stream === 'backlog') continue;
        const ready = this.#ready(feed, stream, now);
        if (ready === null) continue;
        const waitMs = Math.max(this.#traffic.heldMs(ready, wall, now), this.#isStopping ? 0 : ready.lingerMs);
        if (waitMs > 0) this.#wake.in(waitMs);
        else candidates.push(ready);
      }
    }
    return candidates;
  }

  #ready(feed: LaneFeed, stream: Stream, now: Millis): Ready | null {
    if (this.#readRetry !== null && !feed.isInMemory(stream)) return null;
    return feed.ready(stream, this.#limits(feed.lane, stream), now);
  }

  #limits(lane: Lane, stream: Stream): BatchLimits {
    const { maxEvents, maxBytes, lingerMs } = this.#options.sink.pacing;
    const halvings = this.#trust.halvings({ lane, stream });
    return {
      maxEvents: Math.max(1, Math.floor(maxEvents / 2 ** halvings)),
      maxBytes: Math.min(maxBytes / 2 ** halvings, this.#traffic.batchBytes(stream)),
      lingerMs: lane === 'critical' ? 0 : lingerMs,
    };
  }

  #send(lane: Lane, shipment: Shipment): void {
    const { sink, observer, clock } = this.#options;
    // Without events it says nothing of the size of batches that get through.
    if (shipment.events.length > 0) this.#trust.sent({ lane, stream: shipment.stream });
    const resent = this.#lanes[lane].delivery.resentIn(shipment);
    if (resent > 0) {
      this.#totals.resent(resent);
      observer.emit('sink-events-resent', {}, resent);
    }
    this.#traffic.sent(lane, shipment, clock.monotonic());
    const { events, historical, speaksFrom: first, last, absent } = shipment;
    const coverage = { lane, first, last, absent, settled: this.#settledThrough() };
    sink.send({ events, historical, coverage }).then(
      (receipt) => this.#confirmed(lane, shipment, receipt.bytes),
      (error: unknown) => this.#failed(lane, shipment, error),
    );
  }

  #confirmed(lane: Lane, shipment: Shipment, bytes: number): void {
    const { clock, observer } = this.#options;
    const { delivery } = this.#lanes[lane];
    const hadBacklog = delivery.boundary !== null;
    if (!delivery.confirmed(shipment)) return;
    const now = clock.monotonic();
    this.#traffic.confirmed(lane, shipment, bytes, now);
    this.#totals.confirmed(lane, shipment, bytes, now, clock.now());
    const count = shipment.events.length;
    observer.emit('sink-events-settled', {}, count);
    if (count > 0) this.#trust.confirmed({ lane, stream: shipment.stream });
    this.#link.proven();
    if (hadBacklog && delivery.boundary === null) observer.emit('sink-backlog-drained', { lane });
    for (const feed of this.#feeds) feed.passOver();
    this.#cursorMoved(lane);
    this.#pump();
    this.#checkIdle();
  }

  #failed(lane: Lane, shipment: Shipment, error: unknown): void {
    this.#traffic.rejected(shipment);
    if (this.#isStopped) return;
    if (!isHeadgateError(error, 'SINK_REJECTED')) {
      this.#link.drop(error);
      return;
    }
    const { observer, onDeadLetter } = this.#options;
    const { first, last, events } = shipment;
    this.#link.note(error);
    const givenUp = this.#lanes[lane].delivery.rejected(shipment);
    if (givenUp === null) {
      observer.emit('sink-batch-rejected', { events: events.length, reason: messageOf(error) });
    } else {
      this.#totals.deadLettered();
      observer.emit('sink-event-dead-lettered', { first, last, reason: messageOf(error) });
      void onDeadLetter(givenUp, messageOf(error)).then((isStored) => {
        if (!isStored) return;
        this.#lanes[lane].delivery.recorded(givenUp);
        this.#cursorMoved(lane);
        this.#pump();
      });
    }
    this.#pump();
    this.#checkIdle();
  }

  /**
   * Something of the lane was settled. What is merely passed over is not told to the journal: after a restart it is passed over again, and
   * then told.
   */
  #cursorMoved(lane: Lane): void {
    const { journal, name, onSettled } = this.#options;
    journal.moveCursor(name, this.#lanes[lane].delivery.keptCursor, [lane]);
    onSettled();
  }

  #settledThrough(): number {
    return Math.min(...this.#feeds.map(({ delivery }) => delivery.cursor.settled));
  }

  #inFlight(): number {
    return this.#feeds.reduce((sum, { delivery }) => sum + delivery.inFlight, this.#replaying);
  }

  #load(): Load {
    const bytes = (stream: Stream) =>
      this.#feeds.reduce((sum, { delivery }) => sum + delivery.bytesInFlight(stream), 0);
    return {
      batches: this.#inFlight(),
      slots: this.#slots(),
      bytes: { live: bytes('live'), backlog: bytes('backlog') },
    };
  }

  #readFailed(error: unknown): void {
    this.#options.observer.emit('sink-read-failed', { reason: messageOf(error) });
    this.#readRetry ??= this.#options.clock.after(READ_RETRY_MS, () => {
      this.#readRetry = null;
      this.#pump();
    });
  }

  #checkIdle(): void {
    if (this.#inFlight() === 0) this.#idle.over();
  }
}
