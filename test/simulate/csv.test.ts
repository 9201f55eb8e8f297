import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { detectDialect } from '../../src/simulate/csv-dialect.ts';
import { readCsvFixture, speedToLast } from '../../src/simulate/csv-fixture.ts';
import { parseCsvTime } from '../../src/simulate/csv-time.ts';
import { scratch } from './support.ts';

const DIALECTS: readonly [what: string, text: string, expected: object][] = [
  [
    'commas, points, date and time',
    'timestamp,a,b\n2020-02-01 00:00:00,1.5,2\n2020-02-01 00:00:10,1.6,2\n',
    { separator: ',', decimal: '.', timeColumn: 0, timeFormat: 'ymd', skipLines: 1 },
  ],
  [
    'semicolons and decimal commas',
    'Zeit;Druck (bar);Temp\n31.01.2024 13:00:00;1,5;1.020,25\n31.01.2024 13:00:01;1,6;1.021,5\n',
    { separator: ';', decimal: ',', timeColumn: 0, timeFormat: 'dmy' },
  ],
  [
    'tabs, ISO times with zone',
    'Time\tx\n2024-01-31T13:00:00+01:00\t1\n2024-01-31T13:00:01+01:00\t2\n',
    { separator: '\t', timeFormat: 'iso' },
  ],
  ['epoch seconds with fraction', 'ts,x\n1700000000.5,1\n1700000001.5,2\n', { timeFormat: 'epoch_s' }],
  [
    'epoch milliseconds, not in the first column',
    'x,ts\n1,1700000000000\n2,1700000001000\n',
    { timeColumn: 1, timeFormat: 'epoch_ms' },
  ],
  ['epoch nanoseconds', 'time,x\n1700000000000000000,1\n1700000001000000000,2\n', { timeFormat: 'epoch_ns' }],
  ['seconds since the start', 'time,x\n0,1\n0.5,2\n', { timeFormat: 'offset_s' }],
  [
    'day or month first is seen from the days',
    'date,x\n01/02/2024 00:00,1\n13/02/2024 00:00,2\n',
    { timeFormat: 'dmy' },
  ],
  ['month first when both fit', 'date,x\n01/02/2024 00:00,1\n02/02/2024 00:00,2\n', { timeFormat: 'mdy' }],
  [
    "Excel's sep line",
    'sep=;\nts;x\n2024-01-31 00:00:00;1,5\n2024-01-31 00:00:01;1,5\n',
    { separator: ';', decimal: ',', skipLines: 2 },
  ],
  [
    'decimal commas in quotes',
    'ts,x\n2024-01-31 00:00:00,"1,5"\n2024-01-31 00:00:01,"1,6"\n',
    { separator: ',', decimal: ',' },
  ],
  [
    'date and time of day in columns of their own',
    'Datum;Uhrzeit;x\n31.01.2024;23:59:59;1,5\n01.02.2024;0:00:00;1,5\n',
    { timeColumn: 0, timeFormat: 'dmy', clockColumn: 1 },
  ],
  ['a time of day alone', 'n,time,x\n1,9:39:59,1.5\n2,9:40:9,1.6\n', { timeColumn: 1, timeFormat: 'clock' }],
  ['months by name', 'TS,x\n31-Jan-24 13:00:00,1\n01-Dez-24 13:00:01,2\n', { timeFormat: 'dmy' }],
  ['newest first', 'ts,x\n1700000001,1\n1700000000,2\n', { timeFormat: 'epoch_s' }],
  [
    'titles and comments above, a row of units below the header',
    '# Plant 7\nReport of March\n\nts;x;y\n;degC;bar\n2024-01-31 00:00:00;1,5;2\n2024-01-31 00:00:01;1,5;2\n',
    { header: ['ts', 'x', 'y'], units: ['', 'degC', 'bar'], skipLines: 5 },
  ],
  ['no header', '2024-01-31 00:00:00,1\n2024-01-31 00:00:01,2\n', { header: ['signal_0', 'signal_1'], skipLines: 0 }],
];

t.test('the dialect of an export is recognised', async (t) => {
  for (const [what, text, expected] of DIALECTS) t.match(detectDialect(text.split('\n')), expected, what);
});

t.test('times are read in UTC unless they name a zone', async (t) => {
  const at = Date.UTC(2024, 0, 31, 13, 45, 1, 250);
  t.equal(parseCsvTime('2024-01-31T13:45:01.250Z', 'iso'), at);
  t.equal(parseCsvTime('2024-01-31 14:45:01.25+0100', 'ymd'), at);
  t.equal(parseCsvTime('2024/01/31 13:45:01,250', 'ymd'), at);
  t.equal(parseCsvTime('31.01.2024 13:45:01.250', 'dmy'), at);
  t.equal(parseCsvTime('1/31/2024 1:45:01.250 PM', 'mdy'), at);
  t.equal(parseCsvTime('1/31/2024 12:00:00 AM', 'mdy'), Date.UTC(2024, 0, 31));
  t.equal(parseCsvTime(String(at / 1000), 'epoch_s'), at);
  for (const bad of ['', 'soon', '2024-13-01 00:00:00', '2024-01-31 25:00:00'])
    t.equal(parseCsvTime(bad, 'ymd'), null, bad);
});

t.test('types, names, units and both protocols are proposed from the data', async (t) => {
  const path = join(await scratch(t), 'Kessel 1.csv');
  const text = [
    'Unnamed: 0;Zeit;Öl Druck (bar);Öl.Druck (bar);Pumpe;Schritt;Zähler;Text;Leer',
    '0;31.01.2024 13:00:00;1,5;2,5;1,0;3;9007199254740991;läuft;',
    '1;31.01.2024 13:00:10;;2,5;0,0;-4;9007199254740990;steht;',
    '2;31.01.2024 13:00:20;Bad;2,25;1,0;5;9007199254740989;läuft;',
  ].join('\r\n');
  await writeFile(path, `\ufeff${text}`);
  const fixture = await readCsvFixture(path);
  t.same(
    fixture.tags.map(({ name, type, unit, address, device }) => [
      name,
      type,
      unit,
      address.replace(/^nsu=[^;]*;/, ''),
      device,
    ]),
    [
      ['Ol_Druck', 'float64', 'bar', 's=Kessel_1.Ol_Druck', 'Kessel_1-opcua'],
      ['Ol_Druck_2', 'float64', 'bar', 's=Kessel_1.Ol_Druck_2', 'Kessel_1-opcua'],
      ['Text', 'string', '', 's=Kessel_1.Text', 'Kessel_1-opcua'],
      ['Leer', 'float64', '', 's=Kessel_1.Leer', 'Kessel_1-opcua'],
      ['Pumpe', 'bool', '', 'DI:0', 'Kessel_1-modbus'],
      ['Schritt', 'int32', '', 'HR:0', 'Kessel_1-modbus'],
      ['Zahler', 'int64', '', 'HR:2', 'Kessel_1-modbus'],
    ],
  );
  t.equal(fixture.tags[0]?.scanMs, 10_000);
  t.equal(fixture.manifest.recorded.at, '2024-01-31T13:00:00.000Z');
  t.equal(fixture.manifest.recorded.duration_ms, 30_000);
  t.equal(speedToLast(fixture, 3000), 10);
  const pressure = [...(fixture.series[0]?.readings() ?? [])].filter(({ tag }) => tag === 0);
  t.same(
    pressure.map(({ value, status, atMs }) => [value, status, atMs]),
    [
      [1.5, 0, 0],
      [null, 0x809b0000, 10_000],
      [null, 0x809b0000, 20_000],
    ],
    'an empty cell and a word are Bad_NoData, not the value before',
  );
  const pump = [...(fixture.series[1]?.readings() ?? [])].filter(({ tag }) => tag === 0);
  t.same(
    pump.map(({ value }) => value),
    [true, false, true],
  );
});

const PERIODS: readonly (readonly [what: string, text: string, period: number, at: readonly number[]])[] = [
  [
    'newest first',
    'ts,x\n2024-01-31 00:00:20,3\n2024-01-31 00:00:10,2\n2024-01-31 00:00:00,1\n',
    10_000,
    [0, 10_000, 20_000],
  ],
  [
    'in no order',
    'ts,x\n2024-01-31 00:00:10,2\n2024-01-31 00:00:20,3\n2024-01-31 00:00:00,1\n',
    10_000,
    [0, 10_000, 20_000],
  ],
  ['one row', 'ts,x\n2024-01-31 00:00:10,2\n', 1_000, [0]],
  ['over midnight', 'time,x\n23:59:55,1\n0:00:00,2\n0:00:05,3\n', 5_000, [0, 5_000, 10_000]],
  [
    'a day that only a later line gives away',
    rows(300, (row) => `${row < 250 ? '03' : '13'}/04/2024 ${clock(row)},1`),
    1_000,
    [],
  ],
];

t.test('rows are played in the order of their times', async (t) => {
  const directory = await scratch(t);
  for (const [what, text, period, at] of PERIODS) {
    const path = join(directory, 'x.csv');
    await writeFile(path, text);
    const [series] = (await readCsvFixture(path)).series;
    t.equal(series?.periodMs, period, what);
    if (at.length > 0)
      t.same(
        [...(series?.readings() ?? [])].map(({ atMs }) => atMs),
        at,
        what,
      );
  }
});

t.test('words for "no value" make no text of a column of numbers', async (t) => {
  const path = join(await scratch(t), 'x.csv');
  const cells = ['NaN', '#N/A', 'null', '-', 'Bad', '1.5'];
  await writeFile(path, `ts,x,y\n${cells.map((cell, row) => `2024-01-31 00:00:0${row},${cell},NaN`).join('\n')}\n`);
  const { tags, series } = await readCsvFixture(path, { protocol: 'opcua' });
  t.same(
    tags.map(({ type }) => type),
    ['float64', 'float64'],
  );
  const values = [...(series[0]?.readings() ?? [])].filter(({ tag }) => tag === 0).map(({ value }) => value);
  t.same(values, [null, null, null, null, null, 1.5]);
});

t.test('one protocol when asked for; both even when all signals are alike', async (t) => {
  const path = join(await scratch(t), 'x.csv.gz');
  await writeFile(path, gzipSync('ts,a,b,c\n2024-01-31 00:00:00,1.5,2.5,3.5\n2024-01-31 00:00:01,1.6,2.5,3.5\n'));
  const protocols = async (protocol?: 'opcua' | 'modbus-tcp') =>
    (await readCsvFixture(path, protocol === undefined ? {} : { protocol })).tags.map(({ device }) => device);
  t.same(await protocols(), ['x-opcua', 'x-opcua', 'x-modbus']);
  t.same(await protocols('opcua'), ['x-opcua', 'x-opcua', 'x-opcua']);
  t.same(await protocols('modbus-tcp'), ['x-modbus', 'x-modbus', 'x-modbus']);
});

t.test('encodings of spreadsheets', async (t) => {
  const directory = await scratch(t);
  const text = 'ts;Wärme\r\n2024-01-31 00:00:00;1,5\r\n2024-01-31 00:00:01;2,5\r\n';
  await writeFile(join(directory, 'latin.csv'), Buffer.from(text, 'latin1'));
  await writeFile(join(directory, 'wide.csv'), Buffer.from(`\ufeff${text}`, 'utf16le'));
  for (const file of ['latin.csv', 'wide.csv']) {
    const fixture = await readCsvFixture(join(directory, file));
    t.equal(fixture.tags[0]?.name, 'Warme', file);
  }
});

t.test('a file that cannot be served says where and why', async (t) => {
  const directory = await scratch(t);
  const cases = {
    'no row of values': ['ts,x\n', 'header'],
    'no column holds times': ['a,b\n1,2\n2,1\n', 'header'],
    'no signal beside': ['ts;\n2024-01-31 00:00:00;\n2024-01-31 00:00:01;\n', 'header'],
    'is no time like those before it': [rows(300, (row) => (row === 250 ? 'later,1' : null)), 'line 252'],
    '3 cells, the header has 2': [rows(300, (row) => (row === 260 ? '2024-01-31 00:04:20,1,2' : null)), 'line 262'],
    'all rows have the same time': ['ts,x\n2024-01-31 00:00:00,1\n2024-01-31 00:00:00,2\n', 'time column'],
  };
  let count = 0;
  for (const [problem, [text = '', place]] of Object.entries(cases)) {
    const path = join(directory, `${count++}.csv`);
    await writeFile(path, text);
    await t.rejects(readCsvFixture(path), {
      code: 'CSV_UNREADABLE',
      context: { path, place, problem: new RegExp(problem) },
    });
  }
  await t.rejects(readCsvFixture(join(directory, 'absent.csv')), { code: 'FIXTURE_NOT_FOUND' });
});

function clock(second: number): string {
  return new Date(second * 1000).toISOString().slice(11, 19);
}

function rows(count: number, other: (row: number) => string | null): string {
  const lines = ['ts,x'];
  for (let row = 0; row < count; row++) {
    const time = new Date(Date.UTC(2024, 0, 31) + row * 1000).toISOString().slice(0, 19).replace('T', ' ');
    lines.push(other(row) ?? `${time},${row}`);
  }
  return lines.join('\n');
}
