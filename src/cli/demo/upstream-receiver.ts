import { SequenceRanges } from '../../model/sequence-ranges.ts';
import type { ReceivedEvent } from '../../sinks/batch-decoder.ts';
import { receiveEvents } from '../../sinks/mqtt/receive.ts';
import { journalIdOf, type ReceiverFigures } from '../../sinks/receiver.ts';

/** What stands at the far end: takes every message from the upstream broker, drops repeats by id, and counts. */
export interface UpstreamReceiver {
  figures(): ReceiverFigures;
  /** Ids that came through although they had come before: 0, or the receiver is wrong. */
  readonly duplicatesAfterDedupe: number;
  /** Messages that could not be read. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** Subscribe on the upstream broker. @param onEvent called with each event once, as it arrives */
export async function receiveUpstream(
  port: number,
  onEvent: (event: ReceivedEvent) => void,
): Promise<UpstreamReceiver> {
  const seen = new Map<string, SequenceRanges>();
  const problems: string[] = [];
  let duplicates = 0;
  const receiving = await receiveEvents({
    url: `mqtt://127.0.0.1:${port}`,
    topic: 'headgate',
    clientId: 'demo-receiver',
    order: 'arrival',
    firstSequence: 1,
    onEvents: (events) => {
      for (const event of events) {
        const journalId = journalIdOf(event);
        const ids = seen.get(journalId) ?? new SequenceRanges();
        seen.set(journalId, ids);
        if (ids.add(event.sequence, event.sequence) === 0) duplicates++;
        onEvent(event);
      }
    },
    onProblem: (_topic, reason) => problems.push(reason),
  });
  return {
    figures: () => receiving.figures(),
    get duplicatesAfterDedupe() {
      return duplicates;
    },
    problems,
    close: () => receiving.close(),
  };
}
