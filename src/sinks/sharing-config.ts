import Type, { type Static } from 'typebox';
import type { ValueProblem } from '../config/component-spec.ts';
import { isTimeZone, parseWeeklyWindows, WEEKLY_WINDOW_PATTERN } from '../model/weekly-window.ts';
import type { SinkPacing } from '../ports/sink.ts';

const windows = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: WEEKLY_WINDOW_PATTERN, examples: ['mon-fri 22:00-06:00'] }), {
      description,
      minItems: 1,
      maxItems: 64,
      examples: [['22:00-06:00', 'sat,sun 00:00-24:00']],
    }),
  );

/** Keys that every kind of sink has: how its traffic shares the link, and when it may be sent. */
export const sharingKeys = {
  live_weight: Type.Optional(
    Type.Number({
      description: 'Bytes of live data for each byte of backlog while both have plenty to send.',
      default: 4,
      minimum: 0.1,
      maximum: 1000,
    }),
  ),
  max_bytes_per_s: Type.Optional(
    Type.Integer({
      description:
        'Payload bytes a second on the wire at most, for a metered or shared link. Critical events do not wait for it. Left out: no limit.',
      minimum: 256,
      maximum: 10_000_000_000,
      examples: [50_000],
    }),
  ),
  schedule: Type.Optional(
    Type.Object(
      {
        backlog: windows('When what waits from an outage may be sent, but for critical events. Left out: at any time.'),
        bulk: windows('When events of the lane bulk may be sent, live or not. Left out: at any time.'),
        time_zone: Type.Optional(
          Type.String({
            description: 'IANA time zone of the hours. Left out: the zone of the machine.',
            minLength: 1,
            examples: ['Europe/Berlin'],
          }),
        ),
      },
      {
        additionalProperties: false,
        description:
          'Hours in which traffic that can wait may be sent: `[days ]HH:MM-HH:MM`; hours that end before they begin end on the next day. Critical events, and live ones of the lane normal, go at any time.',
      },
    ),
  ),
} as const;

export type SharingConfig = Static<ReturnType<typeof Type.Object<typeof sharingKeys>>>;

/** The part of a sink's pacing that these keys set. */
export function sharingOf(config: SharingConfig): Pick<SinkPacing, 'liveWeight' | 'maxBytesPerSecond' | 'schedule'> {
  const { live_weight = 4, max_bytes_per_s = null, schedule } = config;
  const parsed = (texts: readonly string[] | undefined) =>
    texts === undefined ? null : texts.flatMap((text) => parseWeeklyWindows(text) ?? []);
  return {
    liveWeight: live_weight,
    maxBytesPerSecond: max_bytes_per_s,
    schedule:
      schedule === undefined
        ? null
        : { backlog: parsed(schedule.backlog), bulk: parsed(schedule.bulk), timeZone: schedule.time_zone ?? null },
  };
}

/** What the schema cannot tell. */
export function checkSharing({ schedule }: SharingConfig): readonly ValueProblem[] {
  const zone = schedule?.time_zone;
  if (zone === undefined || isTimeZone(zone)) return [];
  return [{ field: 'schedule.time_zone', found: zone, expected: 'an IANA time zone such as Europe/Berlin' }];
}
