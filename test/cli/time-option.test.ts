import t from 'tap';
import { describeMoment, parseMoment } from '../../src/cli/time-option.ts';

const ZONE = process.env['TZ'];
process.env['TZ'] = 'Europe/Berlin';
t.teardown(() => {
  if (ZONE === undefined) delete process.env['TZ'];
  else process.env['TZ'] = ZONE;
});

const NOW = Date.parse('2026-11-25T10:15:30.500Z');

const MOMENTS: readonly (readonly [text: string, utc: string])[] = [
  ['now', '2026-11-25T10:15:30.500Z'],
  ['today', '2026-11-24T23:00:00.000Z'],
  ['yesterday', '2026-11-23T23:00:00.000Z'],
  ['-2h', '2026-11-25T08:15:30.500Z'],
  ['-1.5d', '2026-11-23T22:15:30.500Z'],
  ['-90min', '2026-11-25T08:45:30.500Z'],
  ['10:30', '2026-11-25T09:30:00.000Z'],
  ['2026-11-25', '2026-11-24T23:00:00.000Z'],
  ['2026-07-01T12:00', '2026-07-01T10:00:00.000Z'],
  ['2026-07-01 12:00:01', '2026-07-01T10:00:01.000Z'],
  ['2026-07-01T12:00:00.25Z', '2026-07-01T12:00:00.250Z'],
  ['2026-07-01T12:00+05:30', '2026-07-01T06:30:00.000Z'],
  ['2026-07-01T12:00:00-0800', '2026-07-01T20:00:00.000Z'],
];

for (const [text, utc] of MOMENTS) {
  t.test(`${text} is ${utc} in Berlin`, async (t) => {
    t.equal(new Date(parseMoment(text, NOW)).toISOString(), utc);
  });
}

for (const text of [
  '',
  'soon',
  '2026-02-31',
  '2026-13-01',
  '25:00',
  '2026-01-01T24:30',
  '2h',
  '-2 years',
  '1700000000',
]) {
  t.test(`${JSON.stringify(text)} is no time`, async (t) => {
    t.throws(() => parseMoment(text, NOW), /Expected a time such as/);
  });
}

t.test('a moment is shown with its zone', async (t) => {
  t.equal(describeMoment(NOW), '2026-11-25 11:15:30 UTC+01:00');
});
