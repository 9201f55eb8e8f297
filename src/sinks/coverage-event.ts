import { toRfc3339 } from '../model/time.ts';
import { eventTopic } from '../model/topic.ts';
import type { BatchCoverage, SinkContext } from '../ports/sink.ts';
import { absentText } from './delivery-attributes.ts';

/** Type of the CloudEvent that tells what was passed over in a lane, where each event is a message of its own and none has come. */
export const COVERAGE_TYPE = 'headgate.coverage.v1';

/** Below the sink's prefix. */
export function coverageTopic(gateway: string): string {
  return eventTopic(gateway, COVERAGE_TYPE);
}

/**
 * What a batch without events speaks for, as CloudEvents JSON with the attributes that an event has for that (`coversfrom`, `coversto`, `absent`,
 * `settled`) and `journalid`. It is no event of the journal: it has no sequence and no data.
 */
export function coverageEventJson(
  { lane, first, last, absent = [], settled }: BatchCoverage,
  { clock, journalId, gatewayName }: Pick<SinkContext, 'clock' | 'journalId' | 'gatewayName'>,
  sink: string,
): string {
  const now = clock.now();
  return JSON.stringify({
    specversion: '1.0',
    id: `${journalId}-coverage-${lane}-${first}-${last}-${now}`,
    source: `/headgate/${gatewayName}/${sink}`,
    type: COVERAGE_TYPE,
    subject: gatewayName,
    time: toRfc3339(now),
    journalid: journalId,
    lane,
    sink,
    coversfrom: first,
    coversto: last,
    ...(absent.length === 0 ? {} : { absent: absentText(absent) }),
    settled,
  });
}
