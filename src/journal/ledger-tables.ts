import type Database from 'better-sqlite3';
import { LANES } from '../model/tag.ts';
import type { LedgerChange, LedgerHead } from './ledger.ts';

/** Streams that have accounts of their own; those that come later share one, without a name. */
const MAX_STREAMS = 10_000;
const OTHER_STREAMS = '';

/** Gaps that are kept as records; the counts in the ledger are for ever. */
const MAX_GAP_RECORDS = 10_000;

/** Write the one row; `moves` as `encodeMoves` gives them, empty when the tables have it all. */
export function saveHead(db: Database.Database, head: LedgerHead, moves: string): void {
  const { lastSequence, reserved, isClean, cursorsLost, bootId } = head;
  db.prepare(
    'UPDATE journal SET last_sequence = ?, reserved = ?, is_clean = ?, cursors_lost = ?, boot_id = ?, moves = ?',
  ).run(lastSequence, reserved, isClean ? 1 : 0, cursorsLost ? 1 : 0, bootId, moves);
}

/** Write what changed to the tables, in a transaction. */
export function saveTables(db: Database.Database, change: LedgerChange): void {
  const lane = db.prepare(
    'UPDATE lane SET accepted = ?, removed = ? WHERE lane = ? AND (accepted <> ? OR removed <> ?)',
  );
  for (const name of LANES) {
    const { accepted, removed } = change.lanes[name];
    lane.run(accepted, removed, name, accepted, removed);
  }
  const segment = db.prepare('INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const s of change.segments) {
    const { times } = s;
    const fixed = [s.lane, s.first, s.last, s.count, s.bytes, s.openedAt, s.endedAt, s.state, s.sha256];
    segment.run(...fixed, times?.low ?? null, times?.high ?? null, s.thinnedAfter);
  }
  const remove = db.prepare('DELETE FROM segment WHERE lane = ? AND first = ?');
  const removeTally = db.prepare('DELETE FROM segment_stream WHERE lane = ? AND first = ?');
  for (const s of change.removedSegments) {
    remove.run(s.lane, s.first);
    removeTally.run(s.lane, s.first);
  }
  // First what goes: a forgotten consumer may have been opened anew.
  for (const name of change.removedConsumers) {
    db.prepare('DELETE FROM consumer WHERE name = ?').run(name);
    db.prepare('DELETE FROM stream_account WHERE consumer = ?').run(name);
  }
  saveStreams(db, change);
  const consumer = db.prepare('INSERT OR REPLACE INTO consumer VALUES (?, ?, ?)');
  for (const c of change.consumers) {
    consumer.run(c.name, JSON.stringify(c.cursors), JSON.stringify({ ...c.counts, start: c.start }));
  }
  const gap = db.prepare('INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, NULL)');
  for (const g of change.gaps) {
    gap.run(g.id, g.lane, g.first, g.last, g.count, g.reason, g.at, JSON.stringify(g.consumers), g.unused);
    db.prepare('DELETE FROM gap WHERE id <= ? AND is_told = 1').run(g.id - MAX_GAP_RECORDS);
  }
  const telling = db.prepare('UPDATE gap SET is_told = ?, told_by = ? WHERE id = ?');
  for (const { id, toldBy } of change.tellings) telling.run(toldBy === null ? 0 : 1, toldBy, id);
}

function saveStreams(db: Database.Database, { tallies, accounts }: LedgerChange): void {
  if (tallies.length === 0 && accounts.length === 0) return;
  const find = db.prepare<[string], { id: number }>('SELECT id FROM stream WHERE name = ?');
  const make = db.prepare('INSERT INTO stream (name) VALUES (?)');
  let known = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM stream').get()?.n ?? 0;
  const idOf = (name: string): number | bigint => {
    const found = find.get(name);
    if (found !== undefined) return found.id;
    if (known >= MAX_STREAMS && name !== OTHER_STREAMS) return idOf(OTHER_STREAMS);
    known++;
    return make.run(name).lastInsertRowid;
  };
  const tally = db.prepare(
    `INSERT INTO segment_stream VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET count = count + excluded.count`,
  );
  for (const { segment, counts } of tallies) {
    db.prepare('DELETE FROM segment_stream WHERE lane = ? AND first = ?').run(segment.lane, segment.first);
    for (const { stream, count } of counts) tally.run(segment.lane, segment.first, idOf(stream), count);
  }
  const account = db.prepare(
    `INSERT INTO stream_account VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET settled = settled + excluded.settled, gaps = gaps + excluded.gaps`,
  );
  for (const { consumer, stream, settled, gaps } of accounts) account.run(consumer, idOf(stream), settled, gaps);
}
