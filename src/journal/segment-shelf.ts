import { messageOf } from '../errors/headgate-error.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import type { JournalDisk, OpenSegment, SegmentIdentity } from './journal-disk.ts';
import type { StreamCount } from './ledger.ts';
import type { StoredRecord } from './record.ts';
import { complete } from './segment-bytes.ts';
import { emptySegment, type SegmentInfo } from './segment-info.ts';
import type { SelectBounds } from './select-step.ts';
import { DamageError, failureKind, readFailureKind } from './sqlite-failure.ts';

/** Sealed segments that are held open for readers. */
const OPEN_SEALED_LIMIT = 6;

/** One segment is bad; the others are not touched by it. */
export class SegmentDamageError extends Error {
  override readonly name = 'SegmentDamageError';
  readonly segment: SegmentInfo;

  constructor(segment: SegmentInfo, cause: unknown) {
    super(messageOf(cause), { cause });
    this.segment = segment;
  }
}

/** The segments of a journal, by lane, and which of them are open. */
export class SegmentShelf {
  readonly #disk: JournalDisk;
  readonly #journalId: string;
  readonly #lanes: Record<Lane, SegmentInfo[]> = { critical: [], normal: [], bulk: [] };
  readonly #active = new Map<Lane, { info: SegmentInfo; file: OpenSegment }>();
  /** Sealed and open, least recently used first. */
  readonly #open = new Map<SegmentInfo, OpenSegment>();
  readonly #types = new WeakMap<SegmentInfo, readonly string[]>();
  /** Sealed segments whose hash was compared since start. */
  readonly #verified = new Set<SegmentInfo>();
  /** Comparisons that are under way, slice by slice. */
  readonly #verifying = new Map<SegmentInfo, Generator<void, string, void>>();

  constructor(disk: JournalDisk, journalId: string) {
    this.#disk = disk;
    this.#journalId = journalId;
  }

  /** The segments of a lane, oldest first. */
  lane(lane: Lane): readonly SegmentInfo[] {
    return this.#lanes[lane];
  }

  all(): SegmentInfo[] {
    return LANES.flatMap((lane) => this.#lanes[lane]);
  }

  active(lane: Lane): { readonly info: SegmentInfo; readonly file: OpenSegment } | null {
    return this.#active.get(lane) ?? null;
  }

  /** Put a known segment in its place, without opening it. */
  add(segment: SegmentInfo): void {
    this.#lanes[segment.lane].push(segment);
    this.#lanes[segment.lane].sort((a, b) => a.first - b.first);
  }

  /** Open an existing segment for writing. @throws SegmentDamageError */
  openActive(segment: SegmentInfo): OpenSegment {
    return this.#guard(segment, readFailureKind, () => {
      const file = this.#disk.openActive(this.#identity(segment));
      this.#active.set(segment.lane, { info: segment, file });
      return file;
    });
  }

  /** A new active segment of a lane, whose first event will have this sequence or a later one. */
  create(lane: Lane, first: number, now: EpochMs): { readonly info: SegmentInfo; readonly file: OpenSegment } {
    const info = emptySegment(lane, first, now);
    this.#disk.quarantine(info);
    const file = this.#disk.create(this.#identity(info));
    this.add(info);
    this.#active.set(lane, { info, file });
    return { info, file };
  }

  /** Seal the active segment of a lane: it becomes a file that stands alone. Its hash is computed later, by `hash`. */
  seal(lane: Lane): SegmentInfo | null {
    const active = this.#active.get(lane);
    if (active === undefined) return null;
    this.#guard(active.info, failureKind, () => active.file.seal());
    this.#active.delete(lane);
    active.info.state = 'sealed';
    active.info.bytes = this.#disk.sealedBytes(active.info);
    return active.info;
  }

  /**
   * Bring the bytes on disk of the active segments, with their WAL, up to date in their info.
   * @throws ENOENT the directory vanished: what SQLite writes to the open file would be lost
   */
  measure(): void {
    for (const { info } of this.#active.values()) info.bytes = this.#disk.activeBytes(info);
  }

  /** How many events of a segment are in a range. @throws SegmentDamageError */
  count(segment: SegmentInfo, range: SequenceRange): number {
    if (range.last < segment.first || range.first > segment.last) return 0;
    if (range.first <= segment.first && range.last >= segment.last) return segment.count;
    return this.#guard(segment, readFailureKind, () => this.#file(segment).count(range.first, range.last));
  }

  /** The event types in a sealed segment; asked of its file once. @throws SegmentDamageError */
  types(segment: SegmentInfo): readonly string[] {
    let types = this.#types.get(segment);
    if (types === undefined) {
      types = this.#guard(segment, readFailureKind, () => this.#file(segment).types());
      this.#types.set(segment, types);
    }
    return types;
  }

  /** The events of a segment, or of a part of it, by stream. @throws SegmentDamageError */
  tally(segment: SegmentInfo, { first, last }: SequenceRange = segment): StreamCount[] {
    return this.#guard(segment, readFailureKind, () => this.#file(segment).tally(first, last));
  }

  /** The events of a range of a lane, in order, from as many segments as it takes. @throws SegmentDamageError */
  *read(lane: Lane, range: SequenceRange): Generator<StoredRecord, void, void> {
    for (const segment of this.#lanes[lane]) {
      if (segment.last < range.first || segment.count === 0) continue;
      if (segment.first > range.last) return;
      try {
        yield* this.#file(segment).read(range.first, Math.min(range.last, segment.last));
      } catch (error) {
        if (readFailureKind(error) === 'damage') throw new SegmentDamageError(segment, error);
        throw error;
      }
    }
  }

  /** The matching events of a range of one segment, in order, until a bound is passed. @throws SegmentDamageError */
  select(segment: SegmentInfo, range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[] {
    return this.#guard(segment, readFailureKind, () => this.#file(segment).select(range, where, bounds));
  }

  /** Forget a segment and unlink its files, durably. */
  unlink(segment: SegmentInfo): void {
    this.#forget(segment);
    this.#disk.unlink(segment);
  }

  /** Forget a segment and move its files aside, where they are kept. Returns where to; null if there was no file. */
  quarantine(segment: SegmentInfo): string | null {
    this.#forget(segment);
    return this.#disk.quarantine(segment);
  }

  /** The hash of a sealed segment's file, in blocks, so that commits can go on in between. */
  hash(segment: SegmentInfo): Generator<void, string, void> {
    return this.#disk.hash(segment);
  }

  /** Drop caches that grow with the number of streams and tag lists. */
  forgetReferences(): void {
    for (const { file } of this.#active.values()) file.forgetReferences();
  }

  /**
   * Compare the hash of a sealed segment before its first reading, a slice at a time, so that commits can go on in between.
   * @returns true when nothing is left to compare. @throws SegmentDamageError
   */
  verifyStep(segment: SegmentInfo): boolean {
    if (segment.sha256 === null || this.#verified.has(segment)) return true;
    return this.#guard(segment, readFailureKind, () => {
      const steps = this.#verifying.get(segment) ?? this.#disk.hash(segment);
      this.#verifying.set(segment, steps);
      const step = steps.next();
      if (step.done !== true) {
        // Readings that were given up.
        const [oldest] = this.#verifying.keys();
        if (this.#verifying.size > OPEN_SEALED_LIMIT && oldest !== undefined) this.#stopVerifying(oldest);
        return false;
      }
      this.#verifying.delete(segment);
      this.#compare(segment, step.value);
      return true;
    });
  }

  close(): void {
    for (const segment of this.#verifying.keys()) this.#stopVerifying(segment);
    for (const { file } of this.#active.values()) file.close();
    for (const file of this.#open.values()) file.close();
    this.#active.clear();
    this.#open.clear();
  }

  #file(segment: SegmentInfo): OpenSegment {
    const active = this.#active.get(segment.lane);
    if (active?.info === segment) return active.file;
    const known = this.#open.get(segment);
    if (known !== undefined) {
      this.#open.delete(segment);
      this.#open.set(segment, known);
      return known;
    }
    this.#verify(segment);
    const file = this.#disk.openSealed(this.#identity(segment));
    this.#open.set(segment, file);
    if (this.#open.size > OPEN_SEALED_LIMIT) {
      for (const [oldest, open] of this.#open) {
        // Another lane's part of the same read may stand in it; it goes next time.
        if (open.isBeingRead || open === file) continue;
        open.close();
        this.#open.delete(oldest);
        break;
      }
    }
    return file;
  }

  /** Compare the rest of the hash before the first reading: SQLite would skip rows behind a flipped bit of an inner page without a word. */
  #verify(segment: SegmentInfo): void {
    if (segment.sha256 === null || this.#verified.has(segment)) return;
    const steps = this.#verifying.get(segment) ?? this.#disk.hash(segment);
    this.#verifying.delete(segment);
    this.#compare(segment, complete(steps));
  }

  #compare(segment: SegmentInfo, sha256: string): void {
    if (sha256 !== segment.sha256) throw new DamageError('hash of the sealed segment differs');
    this.#verified.add(segment);
  }

  #stopVerifying(segment: SegmentInfo): void {
    this.#verifying.get(segment)?.return('');
    this.#verifying.delete(segment);
  }

  #forget(segment: SegmentInfo): void {
    const active = this.#active.get(segment.lane);
    if (active?.info === segment) {
      this.#active.delete(segment.lane);
      closeQuietly(active.file);
    }
    const open = this.#open.get(segment);
    if (open !== undefined) closeQuietly(open);
    this.#open.delete(segment);
    this.#verified.delete(segment);
    this.#stopVerifying(segment);
    const lane = this.#lanes[segment.lane];
    const index = lane.indexOf(segment);
    if (index >= 0) lane.splice(index, 1);
  }

  #identity({ lane, first }: SegmentInfo): SegmentIdentity {
    return { journalId: this.#journalId, lane, first };
  }

  #guard<T>(segment: SegmentInfo, kind: typeof failureKind, operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      if (kind(error) === 'damage') throw new SegmentDamageError(segment, error);
      throw error;
    }
  }
}

/** What is wrong with it is known already; closing it may say so again. */
function closeQuietly(file: OpenSegment): void {
  try {
    file.abandon();
  } catch {
    // The file goes to quarantine or away in any case.
  }
}
