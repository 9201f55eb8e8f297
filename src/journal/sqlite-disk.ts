import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { LANES, type Lane } from '../model/tag.ts';
import { syncDirectory } from '../ports/durable-file.ts';
import { Ballast, diskSpace, makeDirectory, removeFile } from './disk-space.ts';
import type { BallastFile, DiskSpace, JournalDisk, OpenSegment, SegmentIdentity, SegmentName } from './journal-disk.ts';
import type { LedgerHead } from './ledger.ts';
import { LedgerFile } from './ledger-file.ts';
import { removeLedgerSum } from './ledger-sum.ts';
import { ReadOnlyWatch } from './read-only-watch.ts';
import { fileBytes, hashBlocks, quarantinePath } from './segment-bytes.ts';
import { SegmentFile } from './segment-file.ts';
import { EMPTY_FILE, readIdentity } from './segment-identity.ts';
import { firstOfAsideName, firstOfFileName, segmentPath } from './segment-info.ts';
import { DamageError } from './sqlite-failure.ts';

/** A directory with SQLite files: `<lane>/<first sequence>.db`, `cursors.db`, `ballast`, `quarantine/`. */
export class SqliteDisk implements JournalDisk {
  readonly bootId = readBootId();
  readonly #directory: string;
  readonly #watch: ReadOnlyWatch;

  constructor(directory: string) {
    this.#directory = directory;
    this.#watch = new ReadOnlyWatch(directory);
  }

  prepare(): void {
    // The quarantine, too: a disk that is full takes no new directory.
    for (const name of [...LANES, 'quarantine']) makeDirectory(join(this.#directory, name));
  }

  syncNames(): void {
    const lanes = LANES.map((lane) => join(this.#directory, lane));
    for (const names of [dirname(this.#directory), this.#directory, ...lanes]) syncDirectory(names);
  }

  segmentFirsts(lane: Lane): number[] {
    return readdirSync(join(this.#directory, lane))
      .map(firstOfFileName)
      .filter((first) => first !== null);
  }

  identify(name: SegmentName): SegmentIdentity {
    const db = new Database(this.#path(name), { readonly: true, fileMustExist: true });
    try {
      return readIdentity(db);
    } finally {
      db.close();
    }
  }

  create(identity: SegmentIdentity): OpenSegment {
    const path = this.#path(identity);
    try {
      const file = SegmentFile.create(path, identity, this.#watch);
      syncDirectory(dirname(path));
      return file;
    } catch (error) {
      for (const suffix of ['', '-wal', '-journal']) removeFile(path + suffix);
      throw error;
    }
  }

  openActive(identity: SegmentIdentity): OpenSegment {
    const path = this.#path(identity);
    if (statSync(path).size === 0) throw new DamageError(EMPTY_FILE);
    return SegmentFile.openActive(path, identity, this.#watch);
  }

  openSealed(identity: SegmentIdentity): OpenSegment {
    return SegmentFile.openSealed(this.#path(identity), identity);
  }

  activeBytes(name: SegmentName): number {
    const path = this.#path(name);
    return statSync(path).size + fileBytes(`${path}-wal`);
  }

  sealedBytes(name: SegmentName): number {
    return fileBytes(this.#path(name));
  }

  hash(name: SegmentName): Generator<void, string, void> {
    return hashBlocks(this.#path(name));
  }

  /** One whose name came back after a power cut would be taken for a new one. */
  unlink(name: SegmentName): void {
    const path = this.#path(name);
    for (const suffix of ['', '-wal', '-journal', '-shm']) removeFile(path + suffix);
    syncDirectory(dirname(path));
  }

  quarantine(name: SegmentName): string | null {
    const from = this.#path(name);
    if (!existsSync(from)) return null;
    const to = quarantinePath(this.#directory, `${name.lane}-${basename(from, '.db')}`);
    for (const suffix of ['-wal', '-journal', '']) {
      if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix);
    }
    syncDirectory(dirname(from));
    return to;
  }

  asideFirsts(): number[] {
    return readdirSync(join(this.#directory, 'quarantine'))
      .map(firstOfAsideName)
      .filter((first) => first !== null);
  }

  hasLedger(): boolean {
    return fileBytes(this.#ledgerPath) > 0;
  }

  hasLedgerWal(): boolean {
    return fileBytes(`${this.#ledgerPath}-wal`) > 0;
  }

  openLedger(initial: LedgerHead | null): LedgerFile {
    return LedgerFile.open(this.#ledgerPath, initial, this.#watch);
  }

  quarantineLedger(): void {
    const path = this.#ledgerPath;
    const aside = quarantinePath(this.#directory, 'cursors');
    removeLedgerSum(path);
    for (const suffix of ['-wal', '']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }

  isWritable(): boolean {
    return !this.#watch.isReadOnly();
  }

  mayHaveRefused(): boolean {
    return this.#watch.mayHaveRefused();
  }

  space(): DiskSpace {
    return diskSpace(this.#directory);
  }

  ballast(bytes: number): BallastFile {
    return new Ballast(join(this.#directory, 'ballast'), bytes);
  }

  get #ledgerPath(): string {
    return join(this.#directory, 'cursors.db');
  }

  #path(name: SegmentName): string {
    return join(this.#directory, segmentPath(name));
  }
}

/**
 * Linux draws it at each boot; a container may have one of its own. A service that sees nothing of /proc but processes is given it by systemd (`%b`).
 * @returns 32 digits; empty where neither tells
 */
function readBootId(): string {
  try {
    const text = process.env['HEADGATE_BOOT_ID'] ?? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return text.trim().replaceAll('-', '');
  } catch {
    return '';
  }
}
