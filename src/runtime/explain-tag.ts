import { HeadgateError } from '../errors/headgate-error.ts';
import { TELEMETRY_TYPE } from '../model/event.ts';
import { decodeEvent } from '../model/event-codec.ts';
import { isGood, statusName } from '../model/quality.ts';
import type { Reading } from '../model/reading.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import type { TagSequence } from '../model/tag-columns.ts';
import { TelemetryReport } from '../model/telemetry.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import { tagTopic } from '../model/topic.ts';
import { deadbandOf } from '../pipeline/deadband.ts';
import { scaleValue, scalingOf } from '../pipeline/scaling.ts';
import type { TagExplanation } from '../ports/control.ts';
import type { ReadExplanation } from '../ports/driver.ts';
import type { Journal, StoredEvent } from '../ports/journal.ts';
import type { SinkStatus } from './forwarder/sink-status.ts';

/** What the way of a tag is worked out from. */
export interface ExplainParts {
  readonly tags: TagSequence;
  readonly maxSilenceMs: Millis;
  readonly readOne: (tag: TagDefinition) => Promise<ReadExplanation>;
  /** The value last reported; null: none yet. */
  readonly lastReported: (tag: TagDefinition) => Reading | null;
  readonly journal: Pick<Journal, 'journalId' | 'lastSequence' | 'read'>;
  readonly sinks: () => readonly SinkStatus[];
}

/** Events before the newest that are searched for the tag's last report: what is older is told by its time alone. */
const SEARCHED_EVENTS = 20_000;
const PAGE = { maxEvents: 500, maxBytes: 1_048_576 };

/**
 * The way of one tag, live: read from the device now, then step by step to what the last report of it became.
 * @param reference `<asset>/<name>`, or the name alone where only one has it
 * @throws RUNTIME_TAG_UNKNOWN no such tag, or several
 */
export async function explainTag(parts: ExplainParts, reference: string): Promise<TagExplanation> {
  const matching = parts.tags
    .values()
    .filter(({ asset, name }) => name === reference || `${asset}/${name}` === reference)
    .toArray();
  const tag = matching.find(({ asset, name }) => `${asset}/${name}` === reference) ?? matching[0];
  if (tag === undefined || (matching.length > 1 && `${tag.asset}/${tag.name}` !== reference)) {
    throw new HeadgateError('RUNTIME_TAG_UNKNOWN', { device: 'any', tag: reference });
  }
  const { steps, reading } = await parts.readOne(tag);
  const scaled = scaleValue(scalingOf(tag), reading.value, reading.status);
  const last = parts.lastReported(tag);
  const event = last === null ? null : await findReport(parts.journal, tag, last);
  return {
    tag: `${tag.asset}/${tag.name}`,
    device: tag.device,
    definition: tag,
    read: steps,
    raw: { value: reading.value, status: reading.status, time: reading.time },
    scaling: describeScaling(tag),
    scaled: {
      value: scaled.value,
      status: scaled.status,
      quality: statusName(scaled.status),
      isGood: isGood(scaled.status),
    },
    rule: describeRule(tag, scaled, last, parts.maxSilenceMs),
    lastReported: last,
    topic: tagTopic(tag.asset, tag.name),
    event,
    sinks: parts.sinks().map((sink) => sinkOf(sink, tag, event?.sequence ?? null)),
  };
}

function describeScaling(tag: TagDefinition): string {
  const { factor, offset, low, high, root, texts, isIdentity } = scalingOf(tag);
  if (isIdentity) return 'none';
  if (texts !== null)
    return Object.entries(texts)
      .map(([number, text]) => `${number} = ${text}`)
      .join(', ');
  if (root !== null) {
    return `${root.low} + ${root.rise} × √((raw - ${root.from}) / ${root.span}), kept within ${low} … ${high}`;
  }
  const sum = offset === 0 ? '' : offset > 0 ? ` + ${offset}` : ` - ${-offset}`;
  const from = Number.isFinite(low) || Number.isFinite(high) ? `, kept within ${low} … ${high}` : '';
  return `raw × ${factor}${sum}${from}`;
}

/** Whether what was just read would be reported, and why. */
function describeRule(
  tag: TagDefinition,
  now: { readonly value: TagValue; readonly status: number },
  last: Reading | null,
  maxSilenceMs: Millis,
): string {
  const { width, share } = deadbandOf(tag);
  if (width < 0) return 'every reading is reported';
  const silence = `, at the latest ${maxSilenceMs / 1_000} s after the last report`;
  if (last === null) return 'the first reading is reported';
  if (now.status !== last.status)
    return `reported: the quality is ${statusName(now.status)} and was ${statusName(last.status)}`;
  if (typeof now.value !== 'number' || typeof last.value !== 'number') {
    return now.value === last.value ? `not reported: unchanged${silence}` : 'reported: it has changed';
  }
  const most = share === 0 ? width : share * Math.abs(last.value);
  const change = Math.abs(now.value - last.value);
  const compared = `it differs by ${Number(change.toPrecision(6))} from the last reported ${Number(last.value.toPrecision(10))}, the deadband is ${Number(most.toPrecision(6))}`;
  return change > most ? `reported: ${compared}` : `not reported: ${compared}${silence}`;
}

/** The newest event with this report of the tag. */
async function findReport(
  journal: ExplainParts['journal'],
  tag: TagDefinition,
  last: Reading,
): Promise<TagExplanation['event']> {
  const until = journal.lastSequence;
  let found: TagExplanation['event'] = null;
  const where = { type: TELEMETRY_TYPE, asset: tag.asset, tag: tag.name };
  for (let after = Math.max(0, until - SEARCHED_EVENTS); after < until; ) {
    const page = await journal.read({ after, until, where, lanes: [tag.lane], ...PAGE });
    for (const stored of page.events) {
      const event = eventWith(stored, journal.journalId, tag, last.time);
      if (event !== null) found = event;
    }
    after = page.through;
  }
  return found;
}

function eventWith(stored: StoredEvent, journalId: string, tag: TagDefinition, time: EpochMs): TagExplanation['event'] {
  const event = decodeEvent(stored, journalId);
  const report = event.data;
  if (!(report instanceof TelemetryReport)) return null;
  for (let position = 0; position < report.size; position++) {
    if (report.name(position) !== tag.name || report.time(position) !== time) continue;
    const { id, sequence, type, lane, recordedtime } = event;
    return { id, sequence, type, lane, recordedtime, samples: report.size };
  }
  return null;
}

function sinkOf(sink: SinkStatus, tag: TagDefinition, sequence: number | null): TagExplanation['sinks'][number] {
  const { settled, above } = sink.cursors[tag.lane];
  const isSettled =
    sequence !== null &&
    (sequence <= settled || above.some(({ first, last }) => first <= sequence && sequence <= last));
  return {
    name: sink.name,
    kind: sink.kind,
    link: sink.link.state,
    isSettled: sequence === null ? null : isSettled,
    confirmedTime: sequence === null ? null : sink.confirmations[tag.lane].timeOf(sequence),
  };
}
