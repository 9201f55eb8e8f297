import type { DataType, TagDefinition, TagValue } from '../../model/tag.ts';
import type { EpochMs, Millis } from '../../model/time.ts';
import { topicMatches } from '../../model/topic.ts';
import { scalingOf, unscaleValue } from '../../pipeline/scaling.ts';
import type { TagCommand } from '../../ports/command.ts';
import type { CommandRule, CommandsConfig, Interlock } from './config.ts';

/** A command that the rules allow, and what it takes to carry it out. */
export interface Allowed {
  readonly rule: CommandRule;
  /** As the device holds it. */
  readonly raw: TagValue;
}

/** Least and largest value of the integer types. */
const INTEGERS: Readonly<Partial<Record<DataType, readonly [low: bigint, high: bigint]>>> = {
  int8: [-128n, 127n],
  uint8: [0n, 255n],
  int16: [-32_768n, 32_767n],
  uint16: [0n, 65_535n],
  int32: [-2_147_483_648n, 2_147_483_647n],
  uint32: [0n, 4_294_967_295n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  bcd16: [0n, 9_999n],
  bcd32: [0n, 99_999_999n],
};
/** Whole numbers of 64 bits may come as text, since JSON's numbers are rounded beyond 2^53. */
const WHOLE = /^-?\d{1,20}$/;
const MAX_FLOAT32 = 3.4028234663852886e38;

/**
 * Whether a command may be carried out, but for the interlock, which has to be read.
 * @param sinceLastMs since the tag was last written; null: never
 * @returns what to do, or the reason why not, in words for who sent it
 */
export function decide(
  command: TagCommand,
  tag: TagDefinition | undefined,
  context: { readonly config: CommandsConfig; readonly now: EpochMs; readonly sinceLastMs: Millis | null },
): Allowed | string {
  if (tag === undefined) return `there is no tag ${command.tag}`;
  const { rules = [], max_ttl_ms: maxTtlMs = 60_000 } = context.config;
  const rule = rules.find(({ tags, actors }) => names(tags, command.tag) && includes(actors, command.actor));
  if (rule === undefined) {
    return rules.some(({ tags }) => names(tags, command.tag))
      ? `no rule lets ${command.actor} write ${command.tag}`
      : `no rule allows writing ${command.tag}`;
  }
  if (tag.access === 'r') return `${command.tag} is read-only in the tag table (access r)`;
  if (command.expires - context.now > maxTtlMs) return `it expires more than ${maxTtlMs} ms ahead`;
  if (command.reason.trim() === '') return 'it gives no reason';
  const { min_interval_ms: minIntervalMs = 1_000 } = rule;
  if (context.sinceLastMs !== null && context.sinceLastMs < minIntervalMs) {
    return `${command.tag} was written less than ${minIntervalMs} ms ago`;
  }
  const raw = rawValue(command.value, tag, rule);
  return 'refusal' in raw ? raw.refusal : { rule, raw: raw.value };
}

/** Why an interlock forbids the write; null when it allows it. */
export function interlockRefusal(
  { tag, equals, min, max }: Interlock,
  value: TagValue,
  isGood: boolean,
): string | null {
  const is = `the interlock ${tag} is`;
  if (!isGood || value === null) return `${is} not known (quality is not Good)`;
  const wanted =
    typeof equals === 'number' ? Number(value) === equals : equals === undefined || sameValue(value, equals);
  if (!wanted) return `${is} ${String(value)}, not ${String(equals)}`;
  const number = Number(value);
  if (min !== undefined && !(number >= min)) return `${is} ${String(value)}, below ${min}`;
  if (max !== undefined && !(number <= max)) return `${is} ${String(value)}, above ${max}`;
  return null;
}

function sameValue(value: TagValue, wanted: boolean | string): boolean {
  return typeof wanted === 'boolean' ? (Number(value) !== 0) === wanted : String(value) === wanted;
}

function names(filters: readonly string[], tag: string): boolean {
  return filters.some((filter) => topicMatches(filter, tag));
}

function includes(actors: readonly string[], actor: string): boolean {
  return actors.some((known) => known === actor || (known.endsWith(':*') && actor.startsWith(known.slice(0, -1))));
}

type Raw = { readonly value: TagValue } | { readonly refusal: string };

function rawValue(value: TagValue, tag: TagDefinition, rule: CommandRule): Raw {
  const refuse = (refusal: string): Raw => ({ refusal });
  if (value === null) return refuse('it has no value');
  if (tag.texts !== undefined && typeof value === 'string') {
    const [raw] = Object.entries(tag.texts).find(([, text]) => text === value) ?? [];
    return raw === undefined
      ? refuse(`${show(value)} is none of ${Object.values(tag.texts).join(', ')}`)
      : { value: tag.type === 'bool' ? raw === '1' : Number(raw) };
  }
  if (tag.type === 'bool' || (tag.bit !== null && !isFieldOfBits(tag))) {
    if (typeof value === 'boolean') return { value };
    return value === 0 || value === 1 ? { value: value === 1 } : refuse(`${show(value)} is not true or false`);
  }
  if (tag.type === 'string') {
    if (typeof value !== 'string') return refuse(`${show(value)} is no text`);
    const bytes = Buffer.byteLength(value);
    return tag.length !== null && bytes > tag.length
      ? refuse(`the text has ${bytes} bytes and the tag ${tag.length}`)
      : { value };
  }
  if (tag.type === 'auto' && (typeof value === 'boolean' || typeof value === 'string')) return { value };
  const isWhole = is64Bit(tag) && typeof value === 'string' && WHOLE.test(value);
  return rawNumber(isWhole ? BigInt(value) : value, tag, rule);
}

function rawNumber(value: TagValue, tag: TagDefinition, { min, max }: CommandRule): Raw {
  const refuse = (refusal: string): Raw => ({ refusal });
  if (typeof value !== 'number' && typeof value !== 'bigint') return refuse(`${show(value)} is no number`);
  if (typeof value === 'number' && !Number.isFinite(value)) return refuse(`${value} is no finite number`);
  const scaling = scalingOf(tag);
  if (is64Bit(tag) && typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    return refuse(
      `${value} may have been rounded on its way: beyond 2^53 it has to come as text, "${BigInt(Math.round(value))}"`,
    );
  }
  const low = Math.max(scaling.low, min ?? Number.NEGATIVE_INFINITY);
  const high = Math.min(scaling.high, max ?? Number.POSITIVE_INFINITY);
  if (value < low) return refuse(`${value} is below ${low}`);
  if (value > high) return refuse(`${value} is above ${high}`);
  const raw = unscaleValue(scaling, value);
  const isField = isFieldOfBits(tag);
  const integers = isField ? ([0n, 2n ** BigInt(tag.length ?? 1) - 1n] as const) : INTEGERS[tag.type];
  if (integers !== undefined) {
    const whole = typeof raw === 'bigint' ? raw : BigInt(Math.round(raw));
    if (whole < integers[0] || whole > integers[1]) return refuse(`${value} does not fit ${tag.type} (raw ${whole})`);
    return { value: tag.type.endsWith('64') ? whole : Number(whole) };
  }
  if (tag.type === 'float32' && Math.abs(Number(raw)) > MAX_FLOAT32) return refuse(`${value} does not fit float32`);
  return { value: typeof raw === 'bigint' ? Number(raw) : raw };
}

function isFieldOfBits(tag: TagDefinition): boolean {
  return tag.bit !== null && tag.length !== null && tag.length > 1;
}

function is64Bit({ type }: TagDefinition): boolean {
  return type === 'int64' || type === 'uint64';
}

function show(value: TagValue): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
