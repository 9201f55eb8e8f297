import { parse } from 'csv-parse/sync';
import t from 'tap';
import { WideSamples } from '../../src/cli/export-wide.ts';
import type { EventDraft, HeadgateEvent } from '../../src/model/event.ts';
import { Status } from '../../src/model/quality.ts';
import { TelemetryReport } from '../../src/model/telemetry.ts';
import { int16List, plainEvent, report } from '../support/events.ts';

const START = Date.UTC(2026, 10, 25, 10);

/** What `csv-wide` makes of events in the order in which they were stored. */
async function table(drafts: readonly EventDraft[], everyMs: number): Promise<string[][]> {
  const events = drafts.map(
    (draft, i) => ({ ...draft, id: `test-${i + 1}`, sequence: i + 1, recordedtime: draft.time }) as HeadgateEvent,
  );
  const wide = new WideSamples(everyMs);
  let text = wide.begin();
  for (const event of events) text += await wide.add({ events: [event], stored: [], progress: 1 });
  for await (const piece of wide.end()) text += piece;
  return parse(text) as string[][];
}

t.test('csv-wide has a row per interval and a column per tag, in the order of source time', async (t) => {
  const press = int16List('press', 2);
  const saw = int16List('saw', 1, 'speed');
  const rows = await table(
    [
      report(press, [1, 2], START),
      report(press, [3, 4], START + 900),
      // Stored late: another device caught up.
      report(saw, [70], START - 1),
      report(saw, [71], START + 500),
      report(press, [5, 6], START + 2000),
      plainEvent(1, { time: START }),
      // Older than what its interval holds already.
      report(press, [8, 9], START + 100),
    ],
    1000,
  );
  t.strictSame(rows, [
    ['time', 'register_40001', 'register_40002', 'speed_40001'],
    ['2026-11-25T09:59:59.000Z', '', '', '70'],
    ['2026-11-25T10:00:00.000Z', '3', '4', '71'],
    ['2026-11-25T10:00:02.000Z', '5', '6', ''],
  ]);
});

t.test(
  'csv-wide leaves a cell empty where the last sample had no value, and names the assets of tags that share a name',
  async (t) => {
    const [left, right] = [int16List('left', 1), int16List('right', 1)];
    const bad = report(left, [0], START + 500);
    const columns = {
      indexes: null,
      values: [null],
      statuses: Status.Bad_DeviceFailure,
      timeBase: START + 500,
      timeDeltas: 0,
    };
    const rows = await table(
      [
        report(left, [1], START),
        { ...bad, data: new TelemetryReport(left, columns as ConstructorParameters<typeof TelemetryReport>[1]) },
        report(right, [2], START),
      ],
      60_000,
    );
    t.strictSame(rows, [
      ['time', `${left.asset}/register_40001`, `${right.asset}/register_40001`],
      ['2026-11-25T10:00:00.000Z', '', '2'],
    ]);
    t.strictSame(await table([], 1000), [['time']]);
  },
);
