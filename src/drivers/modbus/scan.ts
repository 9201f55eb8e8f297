import { HeadgateError } from '../../errors/headgate-error.ts';
import { Status, type StatusCode } from '../../model/quality.ts';
import type { ReadingBatch, ScanGroup } from '../../model/reading.ts';
import type { TagValue } from '../../model/tag.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { TagFault } from '../../ports/driver.ts';
import { isBitArea } from './area.ts';
import type { BusTiming } from './bus-timing.ts';
import { compileDecode, type DecodeProgram, decodeBlock } from './decode.ts';
import { formatExtent } from './extent-text.ts';
import { meaningOf, UNANSWERED } from './failures.ts';
import { isolate } from './isolate.ts';
import { type Block, type Extent, overlap, type PlanLimits, planReads, readsOf } from './plan.ts';
import type { KnownPace } from './planned-pace.ts';
import { describePoint, type ModbusPoint } from './point.ts';
import { readCost, readTimeMs } from './read-cost.ts';
import { inLanes, readPieces } from './read-pieces.ts';
import { RefusedTags } from './refused-tags.ts';
import { nextBeat } from './schedule.ts';
import type { Unit } from './unit.ts';
import type { WireReply } from './wire-job.ts';

/** A block that is not answered in so many scans running, while the unit answers others, is looked into like a refused one. */
const UNANSWERED_SCANS = 3;

/** A plan is given up for another only if that saves the wire so much a scan: plans should not follow every breath of a unit. */
const WORTH_SHARE = 0.05;
const WORTH_MS = 1;

export interface ScanOptions {
  readonly group: ScanGroup;
  /** Positions in the group of the tags that this unit holds, ascending. */
  readonly members: Uint32Array;
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
  #blocks: Block[] = [];
  #reads: Extent[][] = [];
  #program: DecodeProgram;
  /** Positions in `members` by position in the batch. */
  #live = new Uint32Array(0);
  #indexes: Uint32Array | null = null;
  readonly #slots: Uint32Array;
  /** Some of the types do not take every pattern of bits. */
  #mayFail = false;
  readonly #values: TagValue[];
  readonly #statuses: Uint32Array;
  readonly #times: Float64Array;
  /** How many scans running a block has not been answered. */
  readonly #unanswered = new Map<Block, number>();
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
    this.periodMs = options.group.periodMs;
    this.#pace = options.unit.pace.now;
    this.#limits = { ...options.limits, costOf: readCost(options.timing, this.#pace) };
    const size = options.members.length;
    this.#slots = new Uint32Array(size);
    this.#values = new Array<TagValue>(size).fill(null);
    this.#statuses = new Uint32Array(size);
    this.#times = new Float64Array(size);
    this.#program = this.#replan();
    const [first] = this.#blocks;
    if (first !== undefined) options.unit.probeWith({ area: first.area, offset: first.offset, count: 1 });
  }

  /** Scan now and every period from now on; again when the unit answers again. */
  start(): void {
    this.#refused.retrySoon();
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
    const count = this.#live.length;
    if (count === 0 || this.#isStopped) return;
    this.#values.fill(null);
    const times = this.#options.clock.now();
    this.#options.report({
      group: this.#options.group,
      count,
      indexes: this.#indexes,
      values: this.#values,
      statuses: status,
      times,
    });
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
    if (this.#isPlanStale) this.#program = this.#replan();
    let hasBad = false;
    const refused: { readonly block: Block; readonly exception: number }[] = [];
    try {
      await inLanes(this.#blocks.length, this.#options.unit.capacity, async (index) => {
        const { exception, data, time } = await this.#readAll(this.#reads[index] as Extent[], deadline);
        if (this.#isStopped) return;
        const block = this.#blocks[index] as Block;
        if (exception === 0) {
          decodeBlock(this.#program, index, data, this.#values);
          if (this.#markDecoded(block.points, time)) hasBad = true;
          if (this.#unanswered.size > 0) this.#unanswered.delete(block);
          return;
        }
        const { status, kind } = meaningOf(exception);
        this.#mark(block.points, status, clock.now());
        hasBad = true;
        if (kind === 'refused' || this.#isUnansweredAgain(block, kind)) refused.push({ block, exception });
      });
      if (this.#isStopped) return false;
      for (const { block, exception } of refused) await this.#findRefused(block, exception, deadline);
      if (this.#isStopped) return false;
      if (this.#blocks.length > 0) this.#report(hasBad, this.#blocks.length > 1);
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
    return readPieces(unit, reads, deadline, (piece, due) => unit.read(piece, due));
  }

  #mark(positions: readonly number[], status: StatusCode, time: number): void {
    for (const position of positions) {
      const slot = this.#slots[position] as number;
      this.#statuses[slot] = status;
      this.#times[slot] = time;
      if (status !== Status.Good) this.#values[slot] = null;
    }
  }

  /** @returns true when some of it was no value of its type */
  #markDecoded(positions: readonly number[], time: number): boolean {
    this.#mark(positions, Status.Good, time);
    if (!this.#mayFail) return false;
    const undecodable = positions.filter((position) => this.#values[this.#slots[position] as number] === null);
    this.#mark(undecodable, Status.Bad_DecodingError, time);
    return undecodable.length > 0;
  }

  #report(hasBad: boolean, hasTimes: boolean): void {
    const count = this.#live.length;
    this.#options.report({
      group: this.#options.group,
      count,
      indexes: this.#indexes,
      values: this.#values,
      statuses: hasBad ? this.#statuses : Status.Good,
      times: hasTimes || hasBad ? this.#times : (this.#times[0] as number),
    });
  }

  /** True when a block was not answered in several scans running, though the unit answers others: no matter of chance any more. */
  #isUnansweredAgain(block: Block, kind: string): boolean {
    if (kind !== 'unanswered') return false;
    const scans = (this.#unanswered.get(block) ?? 0) + 1;
    this.#unanswered.set(block, scans);
    return scans >= UNANSWERED_SCANS;
  }

  /** Find out what of a refused block cannot be read, and keep to it from the next plan on. */
  async #findRefused(block: Block, exception: number, deadline: Millis): Promise<void> {
    const { clock, unit, observer, group } = this.#options;
    const points = this.#points();
    const found = await isolate(block, exception, points, async (part) => {
      const { exception: answer, data, time } = await this.#readAll(readsOf(part, this.#limits), deadline);
      if (answer === 0) {
        decodeBlock(compileDecode([part], points, this.#slots), 0, data, this.#values);
        this.#markDecoded(part.points, time);
      }
      return answer;
    });
    for (const [position, answer] of [...found.refused, ...found.failed]) {
      this.#mark([position], meaningOf(answer).status, clock.now());
    }
    this.#isPlanStale = true;
    this.#refused.blame(found.refused, (position) => ({
      tag: this.#nameOf(position),
      place: describePoint(this.#pointAt(position)),
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
      if (exception === UNANSWERED) break;
      if (exception !== 0) continue;
      this.#refused.accept(position);
      this.#isPlanStale = true;
    }
  }

  /** Made anew each time: 10,000 of them are 1 MB, and plans are few. */
  #points(): ModbusPoint[] {
    return Array.from(this.#options.members, (index) => this.#options.pointAt(index));
  }

  #pointAt(position: number): ModbusPoint {
    return this.#options.pointAt(this.#options.members[position] as number);
  }

  #nameOf(position: number): string {
    return this.#options.group.tags.at(this.#options.members[position] as number)?.name ?? '';
  }

  /** Between two scans: reckon with another pace of the unit, and have a new plan made if that is worth it. */
  #takePace(pace: KnownPace): void {
    const { timing, unit, group, observer } = this.#options;
    this.#pace = pace;
    this.#limits = { ...this.#limits, costOf: readCost(timing, pace) };
    if (this.#isPlanStale) return;
    const costOf = (reads: readonly Extent[]) => reads.reduce((sum, read) => sum + this.#limits.costOf(read), 0);
    const planned = this.#reads.flat();
    const other = this.#cheapest(this.#points()).flatMap((block) => readsOf(block, this.#limits));
    const savedMs = costOf(planned) - costOf(other);
    if (savedMs < WORTH_MS || savedMs < costOf(planned) * WORTH_SHARE) return;
    this.#isPlanStale = true;
    observer.emit('modbus-plan-changed', {
      ...{ device: group.device, unit: unit.number, period_ms: group.periodMs },
      ...{ requests_before: planned.length, requests: other.length, latency_ms: Number(pace.latencyMs.toFixed(2)) },
    });
  }

  /** The cheapest reads of the tags that are not known to be refused, around what must not be read. Positions are those in `#live`. */
  #cheapest(points: readonly ModbusPoint[]): Block[] {
    const bad = [...this.faults.keys()].map((position) => points[position] as Extent);
    const wanted = Array.from(this.#live, (position) => points[position] as ModbusPoint);
    const isForbidden = (gap: Extent) =>
      this.#holes.some((hole) => overlap(hole, gap)) || bad.some((extent) => overlap(extent, gap));
    return planReads(wanted, this.#limits, isForbidden);
  }

  #replan(): DecodeProgram {
    const { members } = this.#options;
    const points = this.#points();
    this.#mayFail = points.some(({ type }) => type === 'bcd16' || type === 'bcd32');
    const live = Uint32Array.from(points.keys()).filter((position) => !this.faults.has(position));
    live.forEach((position, slot) => {
      this.#slots[position] = slot;
    });
    this.#live = live;
    const isWholeGroup = live.length === this.#options.group.tags.length;
    this.#indexes = isWholeGroup ? null : live.map((position) => members[position] as number);
    this.#values.fill(null);
    this.#unanswered.clear();
    this.#isPlanStale = false;
    this.#blocks = this.#cheapest(points).map((block) => ({
      ...block,
      points: block.points.map((at) => live[at] as number),
    }));
    this.#reads = this.#blocks.map((block) => readsOf(block, this.#limits));
    return compileDecode(this.#blocks, points, this.#slots);
  }
}
