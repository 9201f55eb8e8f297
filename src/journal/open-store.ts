import { messageOf } from '../errors/headgate-error.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { JournalDisk, OpenLedger } from './journal-disk.ts';
import type { LedgerContent, LedgerHead } from './ledger.ts';
import { MIN_RESERVE } from './ledger-writer.ts';
import { EMPTY_FILE, HALF_CREATED } from './segment-identity.ts';
import { emptySegment, MAX_SEGMENT_SPAN, type SegmentInfo, spanning } from './segment-info.ts';
import { SegmentDamageError, SegmentShelf } from './segment-shelf.ts';
import type { JournalSettings } from './settings.ts';
import { readFailureKind } from './sqlite-failure.ts';
import { Store } from './store.ts';
import type { StoreNotice } from './store-notice.ts';

/**
 * Added to the highest sequence that a file is named by when the ledger is lost: the file may hold as many above it as a segment spans, and it need not
 * be readable.
 */
const REBUILD_RESERVE = 2 * MAX_SEGMENT_SPAN;

const LEDGER_LOST = 'damage: the ledger was lost';
const LEDGER_OLD = 'damage: the ledger is of long before, its -wal is missing';
const NOT_IN_MANIFEST = 'not in the manifest';
/** Why a file that the ledger does not know is put aside although no event that counts was ever in it. */
const EMPTY_REASONS: readonly string[] = [NOT_IN_MANIFEST, HALF_CREATED, EMPTY_FILE];

/** What opening needs from outside. */
export interface OpenStoreOptions {
  readonly disk: JournalDisk;
  readonly settings: JournalSettings;
  readonly now: EpochMs;
  /** Used when there is no journal yet. */
  readonly newJournalId: string;
  readonly notify: (notice: StoreNotice) => void;
  /** The fewest numbers that are reserved ahead of those given out. Default 10,000. */
  readonly minReserve?: number;
}

/** A loss found while opening, booked when all segments are in place. */
interface FoundLoss {
  readonly segment: SegmentInfo;
  readonly count: number;
  readonly reason: string;
}

/**
 * Open a journal, or make one. Looks at the manifest, the names and sizes of the files, and the active segments; sealed
 * segments are not read, so that the time does not depend on the backlog. What is damaged is put aside and booked as a gap.
 */
export function openStore(options: OpenStoreOptions): Store {
  const { disk, settings, now, notify, minReserve = MIN_RESERVE } = options;
  disk.prepare();
  const { ledger, content, isRebuilt, isWalMissing } = openLedger(options);
  const shelf = new SegmentShelf(disk, content.head.journalId);
  const { head } = content;
  const knownTo = head.lastSequence;
  const asideFirsts = disk.asideFirsts();
  // Put aside by a process that could not write it down: what was in it had numbers that the ledger does not know.
  const isAsideUnknown = asideFirsts.some((first) => first > knownTo);
  const losses = LANES.flatMap((lane) => placeLane(lane, { content, shelf, isWalMissing }, options));
  // A process that was killed may have left names that no sync had covered: of a directory, the ledger, a segment that is written on now.
  // SQLite passes over an error when it syncs the directory of a new WAL.
  disk.syncNames();
  const highest = Math.max(
    head.lastSequence,
    ...content.segments.map(({ last }) => last),
    ...shelf.all().map(({ last }) => last),
  );
  const named = Math.max(highest, ...disk.asideFirsts());
  const activeLoss = losses.find(({ segment }) => segment.state === 'active');
  // A copy of `*.db` without `*-wal`: the ledger is that of its last checkpoint, and so is what it knows to be reserved.
  const isLedgerOld = isWalMissing && (activeLoss !== undefined || named > head.reserved);
  // A machine that went down on a running journal may have lost the newest events without a sign: not every disk has what it says that it has.
  const isTailUnproven = !head.isClean && (head.bootId === '' || head.bootId !== disk.bootId);
  const doubt = doubtOf({ isRebuilt, isLedgerOld, activeLoss, isAsideUnknown, isTailUnproven, isWalMissing });
  // With the ledger lost or the newest events damaged nobody knows which sequences were given out: go on above all that can have been.
  const isUnsure = doubt !== null;
  head.lastSequence = isUnsure ? Math.max(named, head.reserved) : highest;
  if (isLedgerOld) head.lastSequence += REBUILD_RESERVE;
  head.isClean = false;
  head.bootId = disk.bootId;
  const ballastBytes = Math.floor(Math.min(settings.ballastBytes, disk.space().totalBytes / 32));
  const store = new Store({ disk, settings, content, ledger, shelf, ballastBytes, minReserve, notify }, now);
  store.lossesFound(losses.map(({ segment }) => ({ lane: segment.lane, range: segment })));
  for (const { segment, count, reason } of losses) {
    if (segment.state === 'sealed') store.bookGone(segment);
    store.bookLoss(segment.lane, segment, count, reason);
  }
  // Whether what was put aside has been told went with a lost ledger.
  const toldTo = isRebuilt ? Math.min(knownTo, ...asideFirsts.map((first) => first - 1)) : knownTo;
  store.bookUnused({ first: toldTo + 1, last: head.lastSequence }, unusedReason(doubt));
  store.started(content.segments.filter((segment) => !shelf.lane(segment.lane).includes(segment)));
  store.tick(now);
  return store;
}

/** Why it is not known which numbers were given out; null: it is. */
function doubtOf(found: {
  readonly isRebuilt: boolean;
  readonly isLedgerOld: boolean;
  readonly activeLoss: FoundLoss | undefined;
  readonly isAsideUnknown: boolean;
  readonly isTailUnproven: boolean;
  readonly isWalMissing: boolean;
}): string | null {
  if (found.isRebuilt) return LEDGER_LOST;
  if (found.isLedgerOld) return LEDGER_OLD;
  if (found.activeLoss !== undefined) return found.activeLoss.reason;
  if (found.isAsideUnknown) return 'damage: a segment was put aside';
  if (found.isTailUnproven) return 'the machine went down';
  return found.isWalMissing ? 'the journal was not closed' : null;
}

/** Why there are numbers above those that the ledger knows which no event has. */
function unusedReason(doubt: string | null): string {
  if (doubt === null) return 'a commit was cut off before it was acknowledged';
  if (doubt === LEDGER_LOST || doubt === LEDGER_OLD)
    return `${doubt}, and which of these numbers had events that are gone now`;
  return `${doubt}; events of the last second before it may have had some of these numbers`;
}

/** Put the segments of a lane in place; what is missing or bad is taken out of the lane's totals and returned. */
function placeLane(
  lane: Lane,
  {
    content,
    shelf,
    isWalMissing,
  }: { readonly content: LedgerContent; readonly shelf: SegmentShelf; readonly isWalMissing: boolean },
  options: OpenStoreOptions,
): FoundLoss[] {
  const { disk, notify, now } = options;
  const losses: FoundLoss[] = [];
  const totals = content.lanes[lane];
  const lose = (segment: SegmentInfo, reason: string) => {
    const path = shelf.quarantine(segment);
    totals.removed += segment.count;
    notify({ kind: 'quarantined', segment, reason, path });
    losses.push({ segment, count: segment.count, reason: `damage: ${reason}` });
  };
  const onDisk = new Set(disk.segmentFirsts(lane));
  for (const segment of content.segments.filter((known) => known.lane === lane)) {
    const wasOnDisk = onDisk.delete(segment.first);
    if (segment.state === 'dropping') {
      shelf.unlink(segment);
      continue;
    }
    if (!wasOnDisk) {
      lose(segment, 'the file is missing');
      continue;
    }
    if (segment.state === 'sealed') {
      const bytes = disk.sealedBytes(segment);
      if (bytes === segment.bytes) shelf.add(segment);
      else lose(segment, `${bytes} bytes instead of ${segment.bytes}`);
      continue;
    }
    shelf.add(segment);
    try {
      losses.push(...reopen(segment, content, shelf, options));
    } catch (error) {
      if (!(error instanceof SegmentDamageError)) throw error;
      lose(segment, error.message);
    }
  }
  for (const first of [...onDisk].sort((a, b) => a - b)) {
    const segment = emptySegment(lane, first, now);
    try {
      const newest = shelf.lane(lane).at(-1);
      if (newest !== undefined && first <= newest.last) throw new SegmentDamageError(segment, NOT_IN_MANIFEST);
      // Created after the ledger was written last, or the ledger was rebuilt. A lane writes to its newest segment only.
      shelf.seal(lane);
      shelf.add(segment);
      reopen(segment, content, shelf, options);
    } catch (error) {
      if (!(error instanceof SegmentDamageError)) throw error;
      notify({ kind: 'quarantined', segment, reason: error.message, path: shelf.quarantine(segment) });
      // Nobody knows how many events were in it, and so which numbers were given out.
      if (isWalMissing || !EMPTY_REASONS.includes(error.message))
        losses.push({ segment, count: 0, reason: `damage: ${error.message}` });
    }
  }
  return losses;
}

/** Open an active segment, count what the ledger does not know yet, and find out if anything is missing. */
function reopen(
  segment: SegmentInfo,
  content: LedgerContent,
  shelf: SegmentShelf,
  options: OpenStoreOptions,
): FoundLoss[] {
  const file = shelf.openActive(segment);
  try {
    if (!content.head.isClean) file.checkStructure('quick_check');
    const { last, recorded } = file.bounds();
    const known = segment.count === 0 ? 0 : file.count(segment.first, segment.last);
    const fresh = file.count(segment.last + 1, Number.MAX_SAFE_INTEGER);
    if (fresh > 0) segment.times = spanning(segment.times, file.times(segment.last + 1));
    const missing = segment.count - known;
    const totals = content.lanes[segment.lane];
    // After a clean stop, too: where events are missing that had been counted, the rest is not believed unseen.
    if (missing > 0) file.checkStructure('quick_check');
    const lost = missing > 0 ? lostFrom(segment, last, missing) : null;
    // More than were counted: they were to be taken back, and a crash came before.
    totals.accepted += fresh + Math.max(0, -missing);
    if (missing > 0) {
      totals.removed += missing;
      options.notify({ kind: 'truncated', segment, missing });
    }
    segment.count = known + fresh;
    segment.last = Math.max(last, segment.first - 1);
    if (recorded > 0) segment.endedAt = recorded;
    return lost === null ? [] : [lost];
  } catch (error) {
    if (readFailureKind(error) === 'damage') throw new SegmentDamageError(segment, error);
    throw error;
  }
}

/** Counted events that an active segment, sound in itself, does not have: those above its newest, or some that nobody can name. */
function lostFrom(segment: SegmentInfo, newest: number, count: number): FoundLoss {
  const isTail = newest < segment.last;
  const first = isTail ? newest + 1 : segment.first;
  return {
    segment: { ...segment, first },
    count,
    reason: `damage: ${isTail ? 'newest events' : 'events'} are missing`,
  };
}

interface FoundLedger {
  readonly ledger: OpenLedger;
  readonly content: LedgerContent;
  /** It was lost, and of the new one no more than its making is written. */
  readonly isRebuilt: boolean;
  /** It was in use and has no WAL: a process that ended by itself copied it into the file; or it is gone, and the newest with it. */
  readonly isWalMissing: boolean;
}

function openLedger(options: OpenStoreOptions): FoundLedger {
  const { disk, newJournalId, notify } = options;
  let isTold = false;
  const hasWal = disk.hasLedgerWal();
  if (disk.hasLedger()) {
    let ledger: OpenLedger | undefined;
    try {
      ledger = disk.openLedger(null);
      const content = ledger.load();
      // One that took the place of a lost one always begins with a gap: without it no more than its making was written, on a full disk or in a crash.
      const isRebuilt = content.head.cursorsLost && ledger.highestGapId() === null;
      return { ledger, content, isRebuilt, isWalMissing: !content.head.isClean && !hasWal };
    } catch (error) {
      if (readFailureKind(error) !== 'damage') throw error;
      ledger?.abandon();
      notify({ kind: 'ledger-rebuilt', reason: messageOf(error) });
      isTold = true;
      disk.quarantineLedger();
    }
  }
  const found = findSegments(disk);
  if (found.journalId !== null && !isTold) notify({ kind: 'ledger-rebuilt', reason: 'cursors.db is missing or empty' });
  const head: LedgerHead = {
    journalId: found.journalId ?? newJournalId,
    // Nothing is known above it; written down with the making, since a segment that is put aside has no name to be found by.
    lastSequence: Math.max(0, found.first - 1),
    // Without a ledger nobody knows how many were given out above what can be read.
    reserved: found.journalId === null ? 0 : found.last + REBUILD_RESERVE,
    isClean: false,
    bootId: disk.bootId,
    cursorsLost: found.journalId !== null,
  };
  const ledger = disk.openLedger(head);
  return { ledger, content: ledger.load(), isRebuilt: found.journalId !== null, isWalMissing: false };
}

/** Which journal the segments belong to, by the newest readable one, when no ledger says so. */
function findSegments(disk: JournalDisk): { journalId: string | null; first: number; last: number } {
  const names = LANES.flatMap((lane) => disk.segmentFirsts(lane).map((first) => ({ lane, first })));
  names.sort((a, b) => a.first - b.first);
  // Names are believed, also of files that cannot be read, and of those that were put aside.
  const [first, last] = [names[0]?.first ?? 0, Math.max(names.at(-1)?.first ?? 0, ...disk.asideFirsts())];
  for (const name of names.reverse()) {
    try {
      return { journalId: disk.identify(name).journalId, first, last };
    } catch (error) {
      if (readFailureKind(error) !== 'damage') throw error;
    }
  }
  return { journalId: null, first, last };
}
