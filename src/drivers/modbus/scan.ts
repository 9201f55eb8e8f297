import { HeadgateError } from '../../errors/headgate-error.ts';
import type { StatusCode } from '../../model/quality.ts';
import type { ReadingBatch, ScanGroup } from '../../model/reading.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { TagFault } from '../../ports/driver.ts';
import { isBitArea } from './area.ts';
import type { BusTiming } from './bus-timing.ts';
import { formatExtent } from './extent-text.ts';
import { DEVICE_FAILURE, meaningOf } from './failures.ts';
import { isolate } from './isolate.ts';
import { type Block, type Extent, overlap, type PlanLimits, planReads, readsOf } from './plan.ts';
import type { KnownPace } from './planned-pace.ts';
import { describePoint, type ModbusPoint } from './point.ts';
import { readCost, readTimeMs } from './read-cost.ts';
import { inLanes, readPieces } from './read-pieces.ts';
import { RefusedTags } from './refused-tags.ts';
import { ScanBatch } from './scan-batch.ts';
import { nextBeat } from './schedule.ts';
import { SearchRest } from './search-rest.ts';
import type { Unit } from './unit.ts';
import type { WireReply } from './wire-job.ts';

/** A block that is not answered in so many scans running, while the unit answers others, is looked into like a refused one. */
const UNANSWERED_SCANS = 3;

/** A plan is given up for another only if that saves the wire so much a scan: plans should not follow every breath of a unit. */
const WORTH_SHARE = 0.05;
const WORTH_MS = 1;

export interface ScanOptions {
  readonly group: ScanGroup;
  /** Positions in the group of the tags that this unit holds, ascending; null: it holds them all. */
  readonly members: Uint32Array | null;
  /** Where the tag at a position of the group stands: asked for when a plan is made and when a tag is refused, and not kept. */
  readonly pointAt: (index: number) => ModbusPoint;
  readonly unit: Unit;
  readonly limits: Omit<PlanLimits, 'costOf'>;
  readonly timing: BusTiming;
  readonly faultyTagRetryMs: Millis;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly report: (batch: ReadingBatch) => void;
  readonly tagFault: (tag: string, fault: TagFault | null) => void;
}

/**
 * Reads the tags that a scan group has in one unit, every period: plans the requests, decodes, reports one batch a scan. When a
 * request is refused it is halved until the tags that the unit does not have are found; those are named and left out, and tried again
 * now and then.
 */
export class Scan {
  readonly periodMs: Millis;
  /** Duration of the last complete scan; null before. */
  lastMs: Millis | null = null;
  readonly #refused: RefusedTags;
  readonly #options: ScanOptions;
  /** Extents that nobody wants and the unit refuses to be read across. */
  readonly #holes: Extent[] = [];
  #limits: PlanLimits;
  /** The pace of the unit by which the plan was made, or found good enough. */
  #pace: KnownPace;
  #blocks: readonly Extent[] = [];
  #reads: readonly Extent[][] = [];
  /** By block: 1 once it has been read. */
  #wasRead = new Uint8Array(0);
  readonly #searchRest: SearchRest;
  readonly #batch: ScanBatch;
  /** How many scans running a block has not been answered. */
  readonly #unanswered = new Map<number, number>();
  #timer: Timer | null = null;
  #due: Millis = 0;
  #running: Promise<void> | null = null;
  /** What is known has changed since the plan was made. */
  #isPlanStale = false;
  /** `start` was called during a scan, which may be failing just now. */
  #isRestarted = false;
  #isStopped = false;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#refused = new RefusedTags({ ...options, device: options.group.device });
    this.#searchRest = new SearchRest(options.clock, options.faultyTagRetryMs);
    this.periodMs = options.group.periodMs;
    this.#pace = options.unit.pace.now;
    this.#limits = { ...options.limits, costOf: readCost(options.timing, this.#pace) };
    this.#batch = new ScanBatch(options.group, options.members);
    this.#replan();
    const [first] = this.#blocks;
    if (first !== undefined) options.unit.probeWith({ area: first.area, offset: first.offset, count: 1 });
  }

  /** Scan now and every period from now on; again when the unit answers again. */
  start(): void {
    this.#refused.retrySoon();
    this.#searchRest.end();
    this.#isRestarted = this.#running !== null;
    if (this.#isRestarted) return;
    this.#due = this.#options.clock.monotonic();
    this.#beat();
  }

  /** Of the tags that the unit refuses, by position in `members`. */
  get faults(): ReadonlyMap<number, TagFault> {
    return this.#refused.faults;
  }

  /** The pace of the unit that is reckoned with. */
  get pace(): KnownPace {
    return this.#pace;
  }

  /** What a scan takes the wire, by the plan and the pace of the unit. */
  get predictedMs(): Millis {
    const { timing } = this.#options;
    return this.#reads.flat().reduce((sum, read) => sum + readTimeMs(timing, read, this.#pace), 0);
  }

  /** Report every tag that was not known to be bad as Bad now. */
  reportGone(status: StatusCode): void {
    if (this.#batch.count === 0 || this.#isStopped) return;
    this.#options.report(this.#batch.gone(status, this.#options.clock.now()));
  }

  /** No scan begins and nothing is reported any more; resolves when a running one has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#running;
  }

  #beat(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#isStopped) return;
    if (this.#options.unit.isSilent) {
      this.#schedule(0);
      return;
    }
    this.#isRestarted = false;
    this.#running = this.#scan().then((isComplete) => {
      this.#running = null;
      if (!isComplete && this.#isRestarted) this.start();
      else this.#schedule(isComplete ? 1 : 0);
    });
  }

  /** @param counts 1 when beats that passed count as left out: not while the unit is silent */
  #schedule(counts: 0 | 1): void {
    if (this.#isStopped) return;
    const { clock, observer, group } = this.#options;
    const now = clock.monotonic();
    const { due, missed } = nextBeat(this.#due, group.periodMs, now);
    if (missed > 0 && counts === 1) {
      observer.emit('modbus-scan-overrun', { device: group.device, period_ms: group.periodMs }, missed);
    }
    this.#due = due;
    this.#timer = clock.after(due - now, () => this.#beat());
  }

  /** @returns false when the unit fell silent on the way, or the driver stopped */
  async #scan(): Promise<boolean> {
    const { clock } = this.#options;
    const started = clock.monotonic();
    const deadline = this.#due + this.#options.group.periodMs;
    const pace = this.#options.unit.pace.at(started);
    if (pace !== this.#pace) this.#takePace(pace);
    if (this.#isPlanStale) this.#replan();
    this.#batch.begin();
    const refused: { readonly block: number; readonly reply: WireReply }[] = [];
    try {
      const read = (index: number) => this.#readAll(this.#reads[index] as Extent[], deadline);
      await inLanes(this.#blocks.length, this.#options.unit.capacity, read, (index, reply) => {
        if (this.#isStopped) return;
        const { exception, data, time } = reply;
        if (exception === 0) {
          this.#batch.take(index, data, time);
          this.#wasRead[index] = 1;
          if (this.#unanswered.size > 0) this.#unanswered.delete(index);
          return;
        }
        const { status, kind } = meaningOf(exception);
        this.#batch.failBlock(index, status, clock.now());
        const isFault = kind === 'refused' || this.#isUnansweredAgain(index, kind) || this.#mayBeHole(index, exception);
        if (isFault) refused.push({ block: index, reply });
      });
      if (this.#isStopped) return false;
      for (const { block, reply } of refused) {
        if (reply.exception === DEVICE_FAILURE && !this.#searchRest.isOver) continue;
        await this.#findRefused(block, reply, deadline);
      }
      if (this.#isStopped) return false;
      if (this.#blocks.length > 0) this.#options.report(this.#batch.readings());
      await this.#retryFaults(deadline);
    } catch (error) {
      // The unit or the connection has told the driver, which reports every tag.
      if (error instanceof HeadgateError) return false;
      throw error;
    }
    this.lastMs = clock.monotonic() - started;
    return true;
  }

  #readAll(reads: readonly Extent[], deadline: Millis): Promise<WireReply> {
    const { unit } = this.#options;
    const [only] = reads;
    if (only !== undefined && reads.length === 1) return unit.read(only, deadline);
    return readPieces(unit, reads, deadline, (piece, due) => unit.read(piece, due));
  }

  /** True when a block was not answered in several scans running, though the unit answers others: no matter of chance any more. */
  #isUnansweredAgain(block: number, kind: string): boolean {
    if (kind !== 'unanswered') return false;
    const scans = (this.#unanswered.get(block) ?? 0) + 1;
    this.#unanswered.set(block, scans);
    return scans >= UNANSWERED_SCANS;
  }

  /** True for a failure of a block that never was read: some servers answer so for what they do not have. */
  #mayBeHole(block: number, exception: number): boolean {
    if (exception !== DEVICE_FAILURE || this.#wasRead[block] === 1 || !this.#searchRest.isOver) return false;
    return this.#batch.slotsOf(block).length > 1;
  }

  /** Find out what of a refused block cannot be read, and keep to it from the next plan on. */
  async #findRefused(index: number, reply: WireReply, deadline: Millis): Promise<void> {
    const { clock, unit, observer, group } = this.#options;
    const points = this.#livePoints();
    const block: Block = { ...(this.#blocks[index] as Extent), points: this.#batch.slotsOf(index) };
    const details = new Map(block.points.map((slot) => [slot, reply.detail]));
    const found = await isolate(block, reply.exception, points, async (part) => {
      const { exception, data, time, detail } = await this.#readAll(readsOf(part, this.#limits), deadline);
      if (exception === 0) this.#batch.takePart(part, points, data, time);
      else for (const slot of part.points) details.set(slot, detail);
      return exception;
    });
    const isFound = found.refused.size > 0 || found.holes.length > 0 || found.limit !== null;
    if (reply.exception === DEVICE_FAILURE && !isFound) this.#searchRest.begin();
    for (const [slot, answer] of [...found.refused, ...found.failed]) {
      this.#batch.fail(slot, meaningOf(answer).status, clock.now());
    }
    this.#isPlanStale = true;
    const refused = new Map([...found.refused].map(([slot, answer]) => [this.#batch.positionOf(slot), answer]));
    const detailOf = new Map([...details].map(([slot, detail]) => [this.#batch.positionOf(slot), detail]));
    this.#refused.blame(refused, (position) => ({
      tag: this.#nameOf(position),
      place: describePoint(this.#pointAt(position)),
      detail: detailOf.get(position),
    }));
    if (found.holes.length > 0) {
      this.#holes.push(...found.holes);
      const registers = found.holes.map(formatExtent).join(' ');
      observer.emit('modbus-hole-learnt', { device: group.device, unit: unit.number, registers });
    }
    if (found.limit === null) return;
    const isBits = isBitArea(block.area);
    this.#limits = { ...this.#limits, ...(isBits ? { maxBits: found.limit } : { maxRegisters: found.limit }) };
    observer.emit('modbus-limit-learnt', {
      device: group.device,
      unit: unit.number,
      [isBits ? 'bits' : 'registers']: found.limit,
    });
  }

  /** Try some refused tags again, each by itself; the others keep flowing meanwhile. */
  async #retryFaults(deadline: Millis): Promise<void> {
    for (const position of this.#refused.takeDue()) {
      const { exception } = await this.#readAll(readsOf(this.#pointAt(position), this.#limits), deadline);
      if (this.#isStopped) return;
      // Each that is not answered costs time-outs: one a scan is enough.
      if (meaningOf(exception).kind === 'unanswered') break;
      if (exception !== 0) continue;
      this.#refused.accept(position);
      this.#isPlanStale = true;
    }
  }

  /** Of the tags that are not left out. Made anew each time: 10,000 of them are 1 MB, and plans are few. */
  #livePoints(): ModbusPoint[] {
    return Array.from({ length: this.#batch.count }, (_none, slot) => this.#pointAt(this.#batch.positionOf(slot)));
  }

  #pointAt(position: number): ModbusPoint {
    return this.#options.pointAt(this.#batch.indexOf(position));
  }

  #nameOf(position: number): string {
    return this.#options.group.tags.at(this.#batch.indexOf(position))?.name ?? '';
  }

  /** Between two scans: reckon with another pace of the unit, and have a new plan made if that is worth it. */
  #takePace(pace: KnownPace): void {
    const { timing, unit, group, observer } = this.#options;
    this.#pace = pace;
    this.#limits = { ...this.#limits, costOf: readCost(timing, pace) };
    if (this.#isPlanStale) return;
    const costOf = (reads: readonly Extent[]) => reads.reduce((sum, read) => sum + this.#limits.costOf(read), 0);
    const planned = this.#reads.flat();
    const other = this.#cheapest(this.#livePoints()).flatMap((block) => readsOf(block, this.#limits));
    const savedMs = costOf(planned) - costOf(other);
    if (savedMs < WORTH_MS || savedMs < costOf(planned) * WORTH_SHARE) return;
    this.#isPlanStale = true;
    observer.emit('modbus-plan-changed', {
      ...{ device: group.device, unit: unit.number, period_ms: group.periodMs },
      ...{ requests_before: planned.length, requests: other.length, latency_ms: Number(pace.latencyMs.toFixed(2)) },
    });
  }

  /** The cheapest reads of the tags that are not known to be refused, around what must not be read. Positions are those in `points`. */
  #cheapest(points: readonly ModbusPoint[]): Block[] {
    const bad: readonly Extent[] = [...this.faults.keys()].map((position) => this.#pointAt(position));
    const isForbidden = (gap: Extent) =>
      this.#holes.some((hole) => overlap(hole, gap)) || bad.some((extent) => overlap(extent, gap));
    return planReads(points, this.#limits, isForbidden);
  }

  #replan(): void {
    this.#batch.leaveOut(this.faults);
    const points = this.#livePoints();
    const blocks = this.#cheapest(points);
    this.#batch.plan(blocks, points);
    this.#unanswered.clear();
    this.#isPlanStale = false;
    const read = new Set(this.#blocks.filter((_block, index) => this.#wasRead[index] === 1).map(formatExtent));
    // Which points each covers, the program knows.
    this.#blocks = blocks.map(({ area, offset, count }) => ({ area, offset, count }));
    this.#reads = blocks.map((block) => readsOf(block, this.#limits));
    this.#wasRead = Uint8Array.from(this.#blocks, (block) => (read.has(formatExtent(block)) ? 1 : 0));
  }
}
