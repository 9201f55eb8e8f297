import t from 'tap';
import { isTimeZone, minuteOfWeekIn, minutesUntilOpen, parseWeeklyWindows } from '../../src/model/weekly-window.ts';

const DAY = 1440;

t.test('parses days and hours', async (t) => {
  t.same(parseWeeklyWindows('mon 08:00-10:30'), [{ start: 480, end: 630 }]);
  t.same(parseWeeklyWindows('sun 22:00-06:00'), [{ start: 6 * DAY + 1320, end: 7 * DAY + 360 }]);
  t.same(parseWeeklyWindows('sat,sun 00:00-24:00'), [
    { start: 5 * DAY, end: 6 * DAY },
    { start: 6 * DAY, end: 7 * DAY },
  ]);
  t.equal(parseWeeklyWindows('22:00-06:00')?.length, 7);
  t.same(
    parseWeeklyWindows('fri-mon 01:00-02:00')?.map(({ start }) => Math.floor(start / DAY)),
    [0, 4, 5, 6],
  );
  t.same(parseWeeklyWindows('tue 00:00-00:00'), [{ start: DAY, end: 2 * DAY }]);
});

for (const text of [
  '',
  '22-06',
  'mon',
  'mo 22:00-06:00',
  '24:00-06:00',
  '22:60-06:00',
  'mon  22:00-06:00',
  '22:00-25:00',
]) {
  t.test(`refuses "${text}"`, async (t) => t.equal(parseWeeklyWindows(text), null));
}

t.test('knows when a window is open, over the end of the week too', async (t) => {
  const windows = parseWeeklyWindows('sun 22:00-06:00') ?? [];
  t.equal(minutesUntilOpen(windows, 6 * DAY + 1320), 0);
  t.equal(minutesUntilOpen(windows, 0), 0);
  t.equal(minutesUntilOpen(windows, 359), 0);
  t.equal(minutesUntilOpen(windows, 360), 6 * DAY + 1320 - 360);
  t.equal(minutesUntilOpen(windows, 6 * DAY + 1319), 1);
  t.equal(minutesUntilOpen([], 5), null);
});

t.test('tells local time over a change to summer time', async (t) => {
  const berlin = minuteOfWeekIn('Europe/Berlin');
  t.equal(berlin(Date.UTC(2026, 2, 29, 0, 59)), 6 * DAY + 119);
  t.equal(berlin(Date.UTC(2026, 2, 29, 1, 0)), 6 * DAY + 180);
  t.equal(minuteOfWeekIn('Asia/Kolkata')(Date.UTC(2026, 10, 23, 0, 0)), 330);
  const local = new Date(2026, 10, 25, 16, 31);
  t.equal(minuteOfWeekIn(null)(local.getTime()), 2 * DAY + 16 * 60 + 31);
});

t.test('knows time zones', async (t) => {
  t.ok(isTimeZone('Europe/Berlin') && isTimeZone('UTC'));
  t.notOk(isTimeZone('Europe/Atlantis'));
});
