import type { SequenceRange } from '../ports/journal.ts';
import type { OutgoingBatch } from '../ports/sink.ts';

/**
 * A CloudEvents JSON event with the extension attributes that tell a receiver how it came, as a batch does: `historical` (only if true),
 * `replay` (the name of the run that sends it again on request), `sink`, and what the event speaks for in its lane: from `coversfrom` through its own sequence, or through `coversto`; with the last
 * of a batch, `absent`: further ranges of the lane in which nothing is stored; `settled`: through this sequence this destination has confirmed everything, in all lanes.
 * @param index of the event in its batch
 */
export function withDelivery(json: string, batch: OutgoingBatch, index: number, sink: string): string {
  const { events, historical, coverage, replay } = batch;
  const before = events[index - 1];
  const absent = coverage?.absent ?? [];
  const isLast = index === events.length - 1;
  const attributes = {
    ...(historical ? { historical } : {}),
    ...(replay === undefined ? {} : { replay }),
    sink,
    ...(coverage === null
      ? {}
      : {
          coversfrom: before === undefined ? coverage.first : before.sequence + 1,
          ...(isLast && coverage.last !== events[index]?.sequence ? { coversto: coverage.last } : {}),
          ...(isLast && absent.length > 0 ? { absent: absentText(absent) } : {}),
          settled: coverage.settled,
        }),
  };
  return `${json.slice(0, -1)},${JSON.stringify(attributes).slice(1)}`;
}

/** Ranges as the scalar that a CloudEvents attribute must be: `13-15,20-22`. */
export function absentText(absent: readonly SequenceRange[]): string {
  return absent.map(({ first, last }) => `${first}-${last}`).join();
}
