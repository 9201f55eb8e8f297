import { LANES } from '../model/tag.ts';
import type { ReceiverState } from './receiver.ts';

const COUNTS: readonly string[] = [
  'received',
  'repeats',
  'unique',
  'orderViolations',
] satisfies (keyof ReceiverState['counts'])[];
const LANE_KEYS: readonly unknown[] = [...LANES, 'any'];

/** True for what `Receiver` can begin with: a file may be anything. */
export function isReceiverState(value: unknown): value is ReceiverState {
  if (!isRecord(value) || value['version'] !== 1) return false;
  const { counts, journals, passedOn } = value;
  if (passedOn !== undefined && !(isRecord(passedOn) && isWhole(passedOn['orderViolations']))) return false;
  return isRecord(counts) && COUNTS.every((name) => isWhole(counts[name])) && isListOf(journals, isJournal);
}

function isJournal(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { journalId, base, settled, lanes } = value;
  return (
    typeof journalId === 'string' && (base === null || isWhole(base)) && isWhole(settled) && isListOf(lanes, isLane)
  );
}

function isLane(value: unknown): boolean {
  if (!isRecord(value) || !LANE_KEYS.includes(value['lane']) || !isListOf(value['covered'], isRange)) return false;
  const { gaps } = value;
  if (!isRecord(gaps)) return false;
  const { ranges, told, count, unused } = gaps;
  return isListOf(ranges, isRange) && isListOf(told, isRange) && isWhole(count) && isWhole(unused);
}

function isRange(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [first, last]: readonly unknown[] = value;
  return isWhole(first) && isWhole(last) && first <= last;
}

function isListOf(value: unknown, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(is);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
