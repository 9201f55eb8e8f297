import { severityOf, statusName } from '../../model/quality.ts';
import type { Reading } from '../../model/reading.ts';
import type { TagValue } from '../../model/tag.ts';
import type { EpochMs, Millis } from '../../model/time.ts';
import type { EquipmentState } from './equipment-state.ts';
import { PACKML_STATES } from './packml.table.ts';

/** How the state of one asset follows from its tags; absent parts are null. */
export interface StateRule {
  readonly stateTag: string | null;
  readonly usesPackml: boolean;
  /** Values of the state tag and what they mean; before the preset. */
  readonly states: readonly { readonly value: string | number | boolean; readonly state: EquipmentState }[];
  readonly runningTag: string | null;
  /** Running above this; null: running when true or not zero. */
  readonly runningAbove: number | null;
  /** Once running, it is so until the value is below `runningAbove - hysteresis`. */
  readonly hysteresis: number;
  readonly faultTag: string | null;
  /** The bit that says fault; null: true or not zero. */
  readonly faultBit: number | null;
  readonly minDwellMs: Millis;
}

/** The tag and value that decided. */
interface Evidence {
  readonly tag: string;
  readonly value: TagValue;
}

export interface Verdict {
  readonly state: EquipmentState;
  readonly reason: string;
  readonly evidence: Evidence | null;
}

/** The newest reading of each tag that the rule names. */
export interface Inputs {
  readonly state: Reading | null;
  readonly running: Reading | null;
  readonly fault: Reading | null;
}

/** A state that has not lasted for the minimum dwell yet. */
interface Candidate extends Verdict {
  /** Source time of its first reading. */
  readonly since: EpochMs;
  /** When the gateway accepted that reading. */
  readonly seen: EpochMs;
}

/** All that is remembered of an asset. */
export interface Memory extends Verdict {
  /** Source time; null before the first known state. */
  readonly since: EpochMs | null;
  readonly candidate: Candidate | null;
  /** The threshold's side, kept over unknown and fault for the hysteresis. */
  readonly isAbove: boolean;
}

export const NOTHING_KNOWN: Memory = {
  state: 'unknown',
  reason: 'no reading yet',
  evidence: null,
  since: null,
  candidate: null,
  isAbove: false,
};

/**
 * What the tags say now. A Bad quality, or a reading that never came, is unknown with the reason, never the last state. A tag that
 * reports a fault outranks a state that says otherwise; a fault tag that cannot be read leaves only a fault certain.
 */
export function judge(rule: StateRule, inputs: Inputs, isAbove: boolean): Verdict {
  const base = rule.stateTag === null ? judgeRunning(rule, inputs.running, isAbove) : judgeState(rule, inputs.state);
  if (rule.faultTag === null) return base;
  const blind = unusable(rule.faultTag, inputs.fault);
  if (blind !== null) return base.state === 'fault' || base.state === 'unknown' ? base : blind;
  const value = inputs.fault?.value ?? null;
  const isFault = rule.faultBit === null ? isOn(value) : hasBit(value, rule.faultBit);
  if (isFault === null) {
    return base.state === 'fault'
      ? base
      : unknown(`${rule.faultTag} is ${show(value)}, which has no bit ${rule.faultBit}`, rule.faultTag, value);
  }
  if (!isFault) return base;
  const where = rule.faultBit === null ? '' : ` (bit ${rule.faultBit})`;
  return {
    state: 'fault',
    reason: `${rule.faultTag} is ${show(value)}${where}`,
    evidence: { tag: rule.faultTag, value },
  };
}

/** Which side of the threshold the value is on, with hysteresis; unchanged when there is no usable number. */
export function sideOf(rule: StateRule, reading: Reading | null, isAbove: boolean): boolean {
  if (rule.runningAbove === null || reading === null || severityOf(reading.status) === 'bad') return isAbove;
  const value = Number(reading.value);
  if (reading.value === null || typeof reading.value === 'string' || Number.isNaN(value)) return isAbove;
  return value > rule.runningAbove || (isAbove && value >= rule.runningAbove - rule.hysteresis);
}

/**
 * What is remembered after a verdict at `time` (source) that was accepted at `seen`. Running and idle must last `minDwellMs`
 * before they replace each other or a fault; fault and unknown count at once, and so does the first known state after unknown.
 */
export function remember(memory: Memory, verdict: Verdict, time: EpochMs, seen: EpochMs, minDwellMs: Millis): Memory {
  if (verdict.state === memory.state) {
    return { ...memory, reason: verdict.reason, evidence: verdict.evidence, candidate: null };
  }
  const isImmediate =
    minDwellMs === 0 || verdict.state === 'fault' || verdict.state === 'unknown' || memory.state === 'unknown';
  if (isImmediate) return { ...memory, ...verdict, since: time, candidate: null };
  const { candidate } = memory;
  if (candidate === null || candidate.state !== verdict.state) {
    return { ...memory, candidate: { ...verdict, since: time, seen } };
  }
  if (time - candidate.since < minDwellMs) return memory;
  return { ...memory, ...verdict, since: candidate.since, candidate: null };
}

/** The candidate becomes the state when it has lasted by the gateway's clock: tags that report by exception may say nothing more. */
export function ripen(memory: Memory, now: EpochMs, minDwellMs: Millis): Memory {
  const { candidate } = memory;
  if (candidate === null || now - candidate.seen < minDwellMs) return memory;
  const { state, reason, evidence, since } = candidate;
  return { ...memory, state, reason, evidence, since, candidate: null };
}

function judgeState(rule: StateRule, reading: Reading | null): Verdict {
  const tag = rule.stateTag ?? '';
  const blind = unusable(tag, reading);
  if (blind !== null) return blind;
  const value = reading?.value ?? null;
  const listed = rule.states.find((entry) => isSame(entry.value, value));
  const evidence = { tag, value };
  if (listed !== undefined) return { state: listed.state, reason: `${tag} is ${show(value)}`, evidence };
  const packml = rule.usesPackml
    ? PACKML_STATES.find(([number, name]) => isSame(number, value) || isSame(name, value))
    : undefined;
  if (packml !== undefined) return { state: packml[2], reason: `${tag} is ${packml[0]} (${packml[1]})`, evidence };
  return unknown(`${tag} is ${show(value)}, which no state is given for`, tag, value);
}

function judgeRunning(rule: StateRule, reading: Reading | null, isAbove: boolean): Verdict {
  const tag = rule.runningTag ?? '';
  const blind = unusable(tag, reading);
  if (blind !== null) return blind;
  const value = reading?.value ?? null;
  const evidence = { tag, value };
  if (rule.runningAbove === null) {
    return { state: isOn(value) ? 'running' : 'idle', reason: `${tag} is ${show(value)}`, evidence };
  }
  if (typeof value === 'string' || Number.isNaN(Number(value)))
    return unknown(`${tag} is ${show(value)}, not a number`, tag, value);
  const { runningAbove, hysteresis } = rule;
  if (!isAbove) return { state: 'idle', reason: `${tag} is ${show(value)}, not above ${runningAbove}`, evidence };
  const reason =
    Number(value) > runningAbove
      ? `${tag} is ${show(value)}, above ${runningAbove}`
      : `${tag} is ${show(value)}, not yet below ${runningAbove - hysteresis}`;
  return { state: 'running', reason, evidence };
}

/** Unknown, when a reading cannot be used; null when it can. */
function unusable(tag: string, reading: Reading | null): Verdict | null {
  if (reading === null) return { state: 'unknown', reason: `no reading of ${tag} yet`, evidence: null };
  if (severityOf(reading.status) === 'bad') return unknown(`${tag} is ${statusName(reading.status)}`, tag, null);
  if (reading.value === null) return unknown(`${tag} has no value`, tag, null);
  return null;
}

function unknown(reason: string, tag: string, value: TagValue): Verdict {
  return { state: 'unknown', reason, evidence: { tag, value } };
}

function isSame(wanted: string | number | boolean, value: TagValue): boolean {
  if (typeof wanted === 'string')
    return typeof value === 'string' && value.trim().toLowerCase() === wanted.trim().toLowerCase();
  if (typeof wanted === 'boolean')
    return typeof value === 'boolean'
      ? value === wanted
      : Number(value) === Number(wanted) && typeof value !== 'string';
  return typeof value !== 'string' && value !== null && Number(value) === wanted;
}

function isOn(value: TagValue): boolean {
  return typeof value === 'string'
    ? !['', '0', 'false', 'off', 'no'].includes(value.trim().toLowerCase())
    : Number(value) !== 0;
}

/** Null when the value is not an integer. */
function hasBit(value: TagValue, bit: number): boolean | null {
  if (typeof value === 'bigint') return ((value >> BigInt(bit)) & 1n) === 1n;
  if (typeof value === 'boolean') return bit === 0 && value;
  if (typeof value !== 'number' || !Number.isInteger(value)) return null;
  return ((BigInt(value) >> BigInt(bit)) & 1n) === 1n;
}

function show(value: TagValue): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : String(value);
}
