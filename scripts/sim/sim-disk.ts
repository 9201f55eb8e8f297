import type {
  BallastFile,
  DiskSpace,
  JournalDisk,
  OpenLedger,
  OpenSegment,
  SegmentIdentity,
  SegmentName,
} from '../../src/journal/journal-disk.ts';
import type { LedgerHead } from '../../src/journal/ledger.ts';
import { segmentPath } from '../../src/journal/segment-info.ts';
import { DamageError } from '../../src/journal/sqlite-failure.ts';
import type { Lane } from '../../src/model/tag.ts';
import { type DiskWitness, diskError, PowerCut, SegmentImage } from './segment-image.ts';
import { LedgerImage, SimLedger } from './sim-ledger.ts';
import { SimSegment } from './sim-segment.ts';
import type { Dice } from './virtual-time.ts';

/** What an operation does to the disk. */
export type OperationKind = 'commit' | 'create' | 'seal' | 'unlink' | 'quarantine' | 'ledger' | 'ballast' | 'names';

const LEDGER_BYTES = 32_768;
/** SQLite needs some room for whatever it writes. */
const MIN_WRITE_BYTES = 8192;

/**
 * A disk in memory that outlives the processes of a life. What an operation wrote is durable when it returns, as SQLite's WAL under FULL
 * is; one that a cut comes into has happened or not, or by half where the engine must cope with that; after an injected I/O error
 * its rows are in the cache alone.
 */
export class SimDisk implements JournalDisk {
  readonly #dice: Dice;
  readonly #witness: DiskWitness;
  readonly #files = new Map<string, SegmentImage>();
  /** Of quarantined files: they go on taking room. */
  #asideBytes = 0;
  readonly #asideFirsts: number[] = [];
  #ledger: LedgerImage | null = null;
  #ballastBytes = 0;
  #boots = 1;
  #isOff = false;
  /** There was no room for the ledger when it was to be written last. */
  hasRefusedLedger = false;
  #operations = 0;
  #cutAt = Number.POSITIVE_INFINITY;
  #failing: { kind: OperationKind; left: number } | null = null;
  #readErrorsLeft = 0;
  capacityBytes = 64 * 1024 * 1024;
  /** Taken by others. */
  othersBytes = 0;
  /** The process ends in the middle of an operation. */
  onCut: () => void = () => undefined;

  constructor(dice: Dice, witness: DiskWitness) {
    this.#dice = dice;
    this.#witness = witness;
  }

  get bootId(): string {
    return `boot-${this.#boots}`;
  }

  get operations(): number {
    return this.#operations;
  }

  /** Cut the process off in the operation after so many others. */
  cutAfter(operations: number): void {
    this.#cutAt = this.#operations + operations + 1;
  }

  /** Let the next operation of a kind fail with an I/O error; what it wrote is then in doubt. */
  failNext(kind: OperationKind): void {
    this.#failing = { kind, left: 1 };
  }

  failReads(count: number): void {
    this.#readErrorsLeft = count;
  }

  /** No more faults. */
  heal(): void {
    this.#cutAt = Number.POSITIVE_INFINITY;
    this.#failing = null;
    this.#readErrorsLeft = 0;
    this.othersBytes = 0;
  }

  /**
   * The process has ended.
   * @param isPowerCut what was never synced is gone, too
   * @param hasLied and of what was, but is newer than the ledger, any part
   */
  restart(isPowerCut: boolean, hasLied: boolean): void {
    this.#isOff = false;
    this.#cutAt = Number.POSITIVE_INFINITY;
    for (const file of this.#files.values()) file.isOpen = false;
    if (!isPowerCut) return;
    this.#boots++;
    for (const file of this.#files.values()) {
      const kept = file.dropUnsynced(this.#dice);
      if (hasLied && !file.isSealed) this.#cutTail(file);
      const there = kept.filter((row) => file.rows.includes(row));
      if (there.length > 0) this.#witness.stored(there, true);
    }
  }

  /** Of a tail that the ledger had not heard of nobody can tell that it is missing, nor of a file. */
  #cutTail(file: SegmentImage): void {
    const known = this.knownRows(file);
    file.rows = file.rows.slice(0, this.#dice.whole(known, file.rows.length));
    const path = segmentPath(file.identity);
    if (this.#ledger?.segments.has(path) === false && this.#dice.chance(0.3)) this.#files.delete(path);
  }

  get files(): readonly SegmentImage[] {
    return [...this.#files.values()];
  }

  get ledger(): LedgerImage | null {
    return this.#ledger;
  }

  /** What the ledger has reserved; endless when it cannot be read. */
  get reserved(): number {
    return this.#ledger?.isDamaged === false ? this.#ledger.head.reserved : Number.POSITIVE_INFINITY;
  }

  /** How many rows of a segment the ledger knows. */
  knownRows({ identity, rows }: SegmentImage): number {
    return Math.min(rows.length, this.#ledger?.segments.get(segmentPath(identity))?.count ?? 0);
  }

  /** The ledger, if it can be read, has an account of a consumer. */
  knowsConsumer(name: string): boolean {
    return this.#ledger?.isDamaged === false && this.#ledger.consumers.has(name);
  }

  /** The ledger has the hash of a segment. */
  isHashed({ identity }: SegmentImage): boolean {
    return typeof this.#ledger?.segments.get(segmentPath(identity))?.sha256 === 'string';
  }

  /** One operation that alters the disk. @param half what a cut in its middle may leave behind, if not all or nothing */
  alter<T>(kind: OperationKind, apply: () => T, half: () => void = () => undefined): T {
    if (this.#isOff) throw new PowerCut();
    this.#operations++;
    if (this.#operations >= this.#cutAt) {
      const share = this.#dice.random();
      if (share < 0.4) apply();
      else if (share < 0.7) half();
      this.#isOff = true;
      this.onCut();
      throw new PowerCut();
    }
    if (this.#failing?.kind === kind) {
      this.#failing = null;
      if (kind !== 'commit' && this.#dice.chance(0.5)) apply();
      throw diskError(kind === 'commit' ? 'SQLITE_IOERR_FSYNC' : kind === 'ledger' ? 'SQLITE_IOERR_WRITE' : 'EIO');
    }
    return apply();
  }

  /** @throws SQLITE_IOERR_READ when one is due */
  look(): void {
    if (this.#isOff) throw new PowerCut();
    if (this.#readErrorsLeft === 0) return;
    this.#readErrorsLeft--;
    throw diskError('SQLITE_IOERR_READ');
  }

  /** True when the next commit will fail after its rows are in the cache. */
  get isCommitFailing(): boolean {
    return this.#failing?.kind === 'commit';
  }

  /** @throws SQLITE_FULL */
  need(bytes: number): void {
    if (this.space().freeBytes < bytes + MIN_WRITE_BYTES) throw diskError('SQLITE_FULL');
  }

  prepare(): void {
    this.look();
  }

  syncNames(): void {
    this.alter('names', () => undefined);
  }

  segmentFirsts(lane: Lane): number[] {
    return this.files.filter(({ identity }) => identity.lane === lane).map(({ identity }) => identity.first);
  }

  identify(name: SegmentName): SegmentIdentity {
    const file = this.#file(name);
    file.checkHeader();
    return file.identity;
  }

  create(identity: SegmentIdentity): OpenSegment {
    this.need(4 * MIN_WRITE_BYTES);
    const file = new SegmentImage(identity);
    const put = () => this.#files.set(segmentPath(identity), file);
    const half = () => {
      file.isHalfCreated = true;
      put();
    };
    try {
      this.alter('create', put, half);
    } catch (error) {
      if (!this.#isOff) this.#files.delete(segmentPath(identity));
      throw error;
    }
    return new SimSegment(this, file, this.#witness);
  }

  openActive(identity: SegmentIdentity): OpenSegment {
    const open = this.#open(identity);
    const file = this.#file(identity);
    if (file.unsyncedCount > 0) this.alter('seal', () => this.#witness.stored(file.syncAll(), true));
    return open;
  }

  openSealed(identity: SegmentIdentity): OpenSegment {
    this.look();
    this.#file(identity).isOpen = true;
    return this.#open(identity);
  }

  activeBytes(name: SegmentName): number {
    return this.#file(name).bytes;
  }

  sealedBytes(name: SegmentName): number {
    return this.#files.get(segmentPath(name))?.bytes ?? 0;
  }

  *hash(name: SegmentName): Generator<void, string, void> {
    this.look();
    const file = this.#file(name);
    yield;
    return file.fingerprint;
  }

  unlink(name: SegmentName): void {
    const file = this.#files.get(segmentPath(name));
    this.alter('unlink', () => {
      this.#files.delete(segmentPath(name));
      if (file !== undefined) this.#witness.removed(file, this.hasRefusedLedger);
    });
  }

  quarantine(name: SegmentName): string | null {
    const path = segmentPath(name);
    const file = this.#files.get(path);
    if (file === undefined) return null;
    return this.alter('quarantine', () => {
      this.#files.delete(path);
      this.#asideBytes += file.bytes;
      this.#asideFirsts.push(name.first);
      return `quarantine/${path}`;
    });
  }

  asideFirsts(): number[] {
    return this.#asideFirsts;
  }

  hasLedger(): boolean {
    return this.#ledger !== null;
  }

  /** It is one image: nothing of it can be missing. */
  hasLedgerWal(): boolean {
    return true;
  }

  openLedger(initial: LedgerHead | null): OpenLedger {
    this.look();
    if (initial !== null) {
      this.alter('ledger', () => {
        this.#ledger = new LedgerImage(initial);
      });
    }
    if (this.#ledger === null) throw diskError('SQLITE_CANTOPEN');
    if (this.#ledger.isDamaged) throw new DamageError('not a ledger of this format');
    return new SimLedger(this, this.#ledger);
  }

  quarantineLedger(): void {
    this.alter('names', () => {
      this.#ledger = null;
      this.#asideBytes += LEDGER_BYTES;
    });
  }

  space(): DiskSpace {
    const files = this.files.reduce((sum, { bytes }) => sum + bytes, 0);
    const used = files + this.#asideBytes + this.#ballastBytes + this.othersBytes + LEDGER_BYTES;
    return { freeBytes: Math.max(0, this.capacityBytes - used), totalBytes: this.capacityBytes };
  }

  isWritable(): boolean {
    return true;
  }

  mayHaveRefused(): boolean {
    return false;
  }

  ballast(bytes: number): BallastFile {
    const disk = this;
    return {
      bytes,
      get exists() {
        return bytes === 0 || disk.#ballastBytes > 0;
      },
      free: () => {
        if (bytes === 0 || this.#ballastBytes === 0) return false;
        this.alter('ballast', () => {
          this.#ballastBytes = 0;
        });
        return true;
      },
      restore: (reserveBytes) => {
        if (this.#ballastBytes > 0 || this.space().freeBytes < bytes + reserveBytes) return;
        this.alter('ballast', () => {
          this.#ballastBytes = bytes;
        });
      },
    };
  }

  #open(identity: SegmentIdentity): OpenSegment {
    const file = this.#file(identity);
    file.checkHeader();
    return new SimSegment(this, file, this.#witness);
  }

  #file(name: SegmentName): SegmentImage {
    const file = this.#files.get(segmentPath(name));
    if (file === undefined) throw diskError('ENOENT');
    return file;
  }
}
