import { isHeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import type { CommittedEvent, Cursor, Journal, SequenceRange, StoredEvent } from '../../ports/journal.ts';
import type { Sink } from '../../ports/sink.ts';
import { countUnsettled } from './cursor.ts';
import { Delivery, type Shipment, type Stream } from './delivery.ts';
import { LinkWindow } from './link-window.ts';
import { PageReader } from './page-reader.ts';
import { RateMeter } from './rate-meter.ts';
import type { RecentEvents } from './recent-events.ts';
import { SinkLink } from './sink-link.ts';
import type { SinkStatus } from './sink-status.ts';

export interface SinkRunnerOptions {
  readonly name: string;
  readonly kind: string;
  readonly sink: Sink;
  readonly cursor: Cursor;
  readonly journal: Pick<Journal, 'read' | 'moveCursor'>;
  readonly recent: RecentEvents;
  readonly clock: Clock;
  readonly random: Random;
  /** With the sink's name in its fields. */
  readonly observer: Observer;
  /** The cursor moved. */
  readonly onSettled: () => void;
  /** The sink will never take this event; it is passed over. */
  readonly onDeadLetter: (event: StoredEvent, reason: string) => void;
}

/** This many waiting events are a backlog, which live data overtakes. */
const BACKLOG_EVENTS = 256;
/** Bytes of events on the way at most; the backlog's share follows the link. */
const MAX_BYTES_IN_FLIGHT = 8_388_608;
const MAX_BACKLOG_BYTES_IN_FLIGHT = 6_291_456;
/** Bytes of live for each byte of backlog when both have plenty. */
const LIVE_WEIGHT = 4;
const READ_RETRY_MS = 1000;
/** Connections in a row without one confirmation after which batches get smaller: one of them may be what ends them. */
const FRUITLESS_CONNECTIONS = 2;

/** Feeds one sink from memory and journal by what its Delivery decides. Shares nothing with other sinks but read-only events. */
export class SinkRunner {
  readonly #options: SinkRunnerOptions;
  readonly #delivery: Delivery;
  readonly #link: SinkLink;
  readonly #readers: Readonly<Record<Stream, PageReader>>;
  readonly #window = new LinkWindow(MAX_BACKLOG_BYTES_IN_FLIGHT);
  readonly #eventRate = new RateMeter();
  readonly #byteRate = new RateMeter();
  #lingerTimer: Timer | null = null;
  #readRetry: Timer | null = null;
  /** Send what waits without lingering: a critical event is among it, or the sink stops. */
  #isUrgent = false;
  #isTurnAsked = false;
  #isStopping = false;
  #isStopped = false;
  #hasSentOnLink = false;
  #hasConfirmedOnLink = false;
  #fruitless = 0;
  #onIdle: (() => void) | null = null;
  #counts = { eventsSettled: 0, batchesSettled: 0, bytesSent: 0, resent: 0, deadLettered: 0 };

  constructor(options: SinkRunnerOptions) {
    this.#options = options;
    const { sink, clock, random, observer, journal } = options;
    this.#delivery = new Delivery(options.cursor, BACKLOG_EVENTS);
    this.#link = new SinkLink({
      sink,
      clock,
      random,
      observer,
      onUp: () => this.#up(),
      onDown: () => this.#down(),
    });
    const reader = () =>
      new PageReader({ journal, onReady: () => this.#pump(), onFailed: (error) => this.#readFailed(error) });
    this.#readers = { live: reader(), backlog: reader() };
  }

  start(): void {
    this.#link.start();
  }

  /** New events were committed and are in memory. */
  committed(events: readonly CommittedEvent[]): void {
    if (!this.#isUrgent && events.some((event) => event.lane === 'critical')) this.#isUrgent = true;
    this.#pump();
  }

  /** Send what lingers, give confirmations until `deadlineMs`, disconnect. */
  async stop(deadlineMs: Millis): Promise<void> {
    this.#isStopping = true;
    this.#isUrgent = true;
    if (this.#link.isUp) {
      this.#pump();
      await this.#idle(deadlineMs);
    }
    this.#isStopped = true;
    this.#lingerTimer?.cancel();
    this.#readRetry?.cancel();
    await this.#link.stop();
    this.#delivery.linkDown();
  }

  /** Everything up to this sequence is confirmed. */
  get settled(): number {
    return this.#delivery.cursor.settled;
  }

  status(): SinkStatus {
    const { name, kind, recent, clock } = this.#options;
    const now = clock.monotonic();
    const { cursor, boundary } = this.#delivery;
    return {
      name,
      kind,
      link: this.#link.state,
      cursor,
      settled: cursor.settled,
      waiting: countUnsettled(cursor, recent.top),
      inFlight: { batches: this.#delivery.inFlight, bytes: this.#delivery.bytesInFlight() },
      backlog: boundary === null ? 0 : countUnsettled(below(cursor, boundary), boundary),
      rates: { eventsPerSecond: this.#eventRate.perSecond(now), bytesPerSecond: this.#byteRate.perSecond(now) },
      lastError: this.#link.lastError,
      connections: this.#link.connections,
      reconnects: Math.max(0, this.#link.connections - 1),
      connectFailures: this.#link.connectFailures,
      ...this.#counts,
    };
  }

  #up(): void {
    const { recent, observer } = this.#options;
    this.#hasSentOnLink = false;
    this.#hasConfirmedOnLink = false;
    this.#readers.live.reset();
    this.#readers.backlog.reset();
    this.#delivery.linkUp(recent.top);
    const { boundary, cursor } = this.#delivery;
    if (boundary !== null) observer.emit('sink-backlog-started', { from: cursor.settled + 1, to: boundary });
    this.#pump();
  }

  #down(): void {
    this.#lingerTimer?.cancel();
    this.#lingerTimer = null;
    if (this.#hasSentOnLink && !this.#hasConfirmedOnLink) {
      this.#fruitless++;
      if (this.#fruitless >= FRUITLESS_CONNECTIONS) this.#options.observer.emit('sink-fruitless');
    }
    this.#delivery.linkDown();
    this.#window.lost();
    this.#onIdle?.();
  }

  /** Send all that may be sent now. */
  #pump(): void {
    if (!this.#link.isUp || this.#isStopped) return;
    const { recent, clock } = this.#options;
    const delivery = this.#delivery;
    if (delivery.boundary === null && (delivery.next('live', recent.top)?.first ?? recent.top) <= recent.floor) {
      delivery.split(recent.top);
    }
    while (delivery.inFlight < this.#slots()) {
      if (delivery.hasRemainders) {
        const remainder = delivery.shipRemainder(clock.monotonic());
        if (remainder !== null) this.#send(remainder);
        break;
      }
      const live = this.#ready('live');
      const backlog = this.#ready('backlog');
      if (live === null && backlog === null) break;
      const stream =
        live !== null && backlog !== null ? delivery.choose(LIVE_WEIGHT) : live !== null ? 'live' : 'backlog';
      const range = stream === 'live' ? live : backlog;
      if (range !== null) this.#ship(stream, range);
      if (stream === 'backlog') {
        this.#pumpNextTurn();
        break;
      }
    }
  }

  /** A backlog batch for each turn of the event loop: encoding many in a row would keep everything else waiting. */
  #pumpNextTurn(): void {
    if (this.#isTurnAsked) return;
    this.#isTurnAsked = true;
    setImmediate(() => {
      this.#isTurnAsked = false;
      this.#pump();
    });
  }

  /** Batches that may be on the way; one at a time while connections end without a confirmation. */
  #slots(): number {
    return this.#fruitless >= FRUITLESS_CONNECTIONS ? 1 : this.#options.sink.maxInFlight;
  }

  /** The range that a stream could send from now: it has events at hand, they have lingered long enough, and the link has room. */
  #ready(stream: Stream): SequenceRange | null {
    const { recent, clock, sink } = this.#options;
    const delivery = this.#delivery;
    if (this.#isStopping && stream === 'backlog') return null;
    for (;;) {
      const range = delivery.next(stream, recent.top);
      if (range === null || !this.#hasRoom(stream)) return null;
      if (range.first <= recent.floor) {
        const onDisk = { first: range.first, last: Math.min(range.last, recent.floor) };
        return this.#readRetry === null && this.#readers[stream].isReady(onDisk) ? onDisk : null;
      }
      const waiting = recent.waiting(range.first - 1, range.last);
      if (waiting === null) {
        delivery.skip(stream, range);
        this.#cursorMoved();
        continue;
      }
      const { maxEvents, maxBytes, lingerMs } = sink.pacing;
      const isFull = waiting.events >= maxEvents || waiting.bytes >= maxBytes;
      if (stream === 'backlog' || isFull || this.#isUrgent) return range;
      const lingerLeftMs = waiting.since + lingerMs - clock.monotonic();
      if (lingerLeftMs <= 0) return range;
      this.#lingerTimer ??= clock.after(lingerLeftMs, () => {
        this.#lingerTimer = null;
        this.#pump();
      });
      return null;
    }
  }

  #hasRoom(stream: Stream): boolean {
    const delivery = this.#delivery;
    if (delivery.bytesInFlight() >= MAX_BYTES_IN_FLIGHT) return false;
    if (stream === 'live') return true;
    // Leave live a slot, and keep the backlog's queue on the link short.
    if (this.#slots() > 1 && delivery.inFlight >= this.#slots() - 1) return false;
    return delivery.bytesInFlight('backlog') < this.#window.bytes;
  }

  #ship(stream: Stream, range: SequenceRange): void {
    const { recent, clock } = this.#options;
    const { maxEvents, maxBytes } = this.#batchLimits(stream);
    let events: readonly StoredEvent[];
    let covered: SequenceRange;
    if (range.first <= recent.floor) {
      const taken = this.#readers[stream].take(range, maxEvents, maxBytes);
      events = taken.events;
      covered = taken.range;
    } else {
      events = recent.take(range.first, range.last, maxEvents, maxBytes);
      const lastTaken = events.at(-1)?.sequence ?? range.last;
      const isAll = recent.waiting(lastTaken, range.last) === null;
      covered = { first: range.first, last: isAll ? range.last : lastTaken };
    }
    if (events.length === 0) {
      this.#delivery.skip(stream, covered);
      this.#cursorMoved();
      return;
    }
    if (stream === 'live') this.#isUrgent = this.#isStopping;
    this.#send(this.#delivery.ship(stream, covered, events, clock.monotonic()));
  }

  #batchLimits(stream: Stream): { maxEvents: number; maxBytes: number } {
    const { maxEvents, maxBytes } = this.#options.sink.pacing;
    const halvings = Math.max(0, this.#fruitless - FRUITLESS_CONNECTIONS + 1);
    const linkBytes = stream === 'backlog' ? this.#window.bytes / 4 : maxBytes;
    return {
      maxEvents: Math.max(1, Math.floor(maxEvents / 2 ** halvings)),
      maxBytes: Math.min(maxBytes / 2 ** halvings, linkBytes),
    };
  }

  #send(shipment: Shipment): void {
    this.#hasSentOnLink = true;
    const resent = this.#delivery.resentIn(shipment);
    if (resent > 0) {
      this.#counts.resent += resent;
      this.#options.observer.emit('sink-events-resent', {}, resent);
    }
    const { events, historical } = shipment;
    this.#options.sink.send({ events, historical }).then(
      (receipt) => this.#confirmed(shipment, receipt.bytes),
      (error: unknown) => this.#failed(shipment, error),
    );
  }

  #confirmed(shipment: Shipment, bytes: number): void {
    const { clock, observer } = this.#options;
    const hadBacklog = this.#delivery.boundary !== null;
    if (!this.#delivery.confirmed(shipment)) return;
    const now = clock.monotonic();
    const count = shipment.events.length;
    this.#counts.eventsSettled += count;
    this.#counts.batchesSettled++;
    this.#counts.bytesSent += bytes;
    this.#eventRate.add(count, now);
    this.#byteRate.add(bytes, now);
    observer.emit('sink-events-settled', {}, count);
    if (shipment.stream === 'backlog') {
      this.#window.confirmed(shipment.bytes, shipment.sentAt, now);
    }
    this.#proven();
    if (hadBacklog && this.#delivery.boundary === null) observer.emit('sink-backlog-drained');
    this.#cursorMoved();
    this.#pump();
    this.#checkIdle();
  }

  #failed(shipment: Shipment, error: unknown): void {
    if (this.#isStopped) return;
    if (!isHeadgateError(error, 'SINK_REJECTED')) {
      this.#link.drop(error);
      return;
    }
    const { observer, onDeadLetter } = this.#options;
    const { first, last, events } = shipment;
    this.#link.note(error);
    const givenUp = this.#delivery.rejected(shipment);
    if (givenUp === null) {
      observer.emit('sink-batch-rejected', { events: events.length, reason: messageOf(error) });
    } else {
      this.#counts.deadLettered++;
      observer.emit('sink-event-dead-lettered', { first, last, reason: messageOf(error) });
      onDeadLetter(givenUp, messageOf(error));
      this.#cursorMoved();
    }
    this.#pump();
    this.#checkIdle();
  }

  #proven(): void {
    this.#hasConfirmedOnLink = true;
    if (this.#fruitless > 0) this.#fruitless--;
    this.#link.proven();
  }

  #cursorMoved(): void {
    this.#options.journal.moveCursor(this.#options.name, this.#delivery.cursor);
    this.#options.onSettled();
  }

  #readFailed(error: unknown): void {
    this.#options.observer.emit('sink-read-failed', { reason: messageOf(error) });
    this.#readRetry ??= this.#options.clock.after(READ_RETRY_MS, () => {
      this.#readRetry = null;
      this.#pump();
    });
  }

  #idle(deadlineMs: Millis): Promise<void> {
    if (this.#delivery.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(deadlineMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #checkIdle(): void {
    if (this.#delivery.inFlight === 0) this.#onIdle?.();
  }
}

/** The part of a cursor up to a boundary. */
function below(cursor: Cursor, boundary: number): Cursor {
  return { settled: cursor.settled, above: cursor.above.filter((range) => range.last <= boundary) };
}
