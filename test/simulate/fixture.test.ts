import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { Status } from '../../src/model/quality.ts';
import type { ReadingBatch, ScanGroup } from '../../src/model/reading.ts';
import { readFixture } from '../../src/simulate/read-fixture.ts';
import { createRecorder } from '../../src/simulate/recorder.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingObserver } from '../support/observer.ts';
import { makeTag, scratch } from './support.ts';

const TAGS = [
  makeTag({ device: 'plc', name: 'speed', address: 'ns=2;s=Speed', type: 'float32' }),
  makeTag({ device: 'plc', name: 'mode', address: 'ns=2;s=Mode', type: 'auto', description: 'a; "quoted", text' }),
  makeTag({ device: 'plc', name: 'fast', address: 'ns=2;s=Fast', type: 'float64', scanMs: 200 }),
  makeTag({
    device: 'press',
    name: 'count',
    address: '40001',
    type: 'uint64',
    byteOrder: 'CDAB',
    scale: 0.5,
    unit: '°C',
  }),
];

async function startRecording(directory: string) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const observer = recordingObserver();
  const recorder = await createRecorder({
    directory,
    name: 'case',
    description: 'A case.',
    source: 'a test',
    throughDrivers: false,
    devices: [
      { name: 'plc', protocol: 'opcua', namespaces: ['urn:plc'], deviceConfig: { name: 'plc', driver: 'opcua' } },
      { name: 'press', protocol: 'modbus-tcp', unit: 2 },
    ],
    tags: TAGS,
    clock,
    observer,
  });
  return { clock, recorder, observer };
}

const group = (device: string, periodMs: number): ScanGroup => ({
  device,
  periodMs,
  tags: TAGS.filter((tag) => tag.device === device && tag.scanMs === periodMs),
});

t.test('what drivers report is read back: values, statuses and times, raw', async (t) => {
  const directory = join(await scratch(t), 'new', 'case');
  const { clock, recorder } = await startRecording(directory);
  const now = clock.now();
  const report = (batch: Partial<ReadingBatch> & Pick<ReadingBatch, 'group' | 'count' | 'values'>) =>
    recorder.report({ indexes: null, statuses: 0, times: clock.now(), ...batch });
  report({ group: group('plc', 1000), count: 2, values: [Math.fround(1480.1), 'AUTO'], times: [now, now + 3] });
  report({ group: group('plc', 200), count: 1, values: [1.5], times: now - 50 });
  await clock.advance(1000);
  report({ group: group('plc', 1000), count: 1, indexes: [1], values: [null], statuses: Status.Bad_SensorFailure });
  report({ group: group('press', 1000), count: 1, values: [2n ** 60n, 'beyond the count'] });
  await clock.advance(1000);
  // Scanned at another period while recording (a faster line): the tag counts, not its group.
  const [speed] = TAGS;
  t.ok(speed);
  report({
    group: { device: 'plc', periodMs: 100, tags: speed === undefined ? [] : [{ ...speed, scanMs: 100 }] },
    count: 2,
    indexes: [0, 0],
    values: [5, 5],
    statuses: [Status.Uncertain_LastUsableValue, 0],
  });
  t.equal(recorder.readings, 7);
  await clock.advance(500);
  t.same(await recorder.finish(), { directory, readings: 7, dropped: 0, durationMs: 2500 });

  const fixture = await readFixture(directory);
  t.same(
    fixture.series.map(({ device, periodMs }) => [device, periodMs]),
    [
      ['plc', 1000],
      ['plc', 200],
      ['press', 1000],
    ],
  );
  t.same(
    [...(fixture.series[0]?.readings() ?? [])].map(({ tag, value, status, atMs }) => [tag, value, status, atMs]),
    [
      [0, Math.fround(1480.1), 0, 0],
      [1, 'AUTO', 0, 3],
      [1, null, Status.Bad_SensorFailure, 1000],
      [0, 5, Status.Uncertain_LastUsableValue, 2000],
      [0, 5, 0, 2000],
    ],
  );
  t.same([...(fixture.series[1]?.readings() ?? [])], [{ tag: 0, value: 1.5, status: 0, atMs: -50 }]);
  t.same([...(fixture.series[2]?.readings() ?? [])], [{ tag: 0, value: 2n ** 60n, status: 0, atMs: 1000 }]);
  t.same(
    fixture.tags,
    TAGS.map((tag) => (tag.type === 'auto' ? { ...tag, type: 'string' } : tag)),
  );
  t.equal(fixture.manifest.recorded.at, '2026-01-01T00:00:00.000Z');
  t.same(fixture.deviceConfigs.get('plc'), { name: 'plc', driver: 'opcua' });
});

t.test('a recording replaces nothing', async (t) => {
  const directory = await scratch(t);
  await writeFile(join(directory, 'keep.txt'), 'x');
  await t.rejects(startRecording(directory), { code: 'FIXTURE_EXISTS', context: { path: directory } });
  await t.rejects(startRecording(join(directory, 'keep.txt', 'below')), { code: 'FIXTURE_WRITE_FAILED' });
});

t.test('a damaged fixture names the file and the place', async (t) => {
  const source = join(await scratch(t), 'good');
  const { recorder, clock } = await startRecording(source);
  recorder.report({
    group: group('press', 1000),
    count: 1,
    indexes: null,
    values: [1],
    statuses: 0,
    times: clock.now(),
  });
  await clock.advance(1000);
  await recorder.finish();
  const series = 'series/press_1000ms.csv.gz';
  const damages: readonly (readonly [file: string, damage: (text: string) => string | Buffer, context: object])[] = [
    ['fixture.yaml', (text) => text.replace('fixture/1', 'fixture/9'), { place: 'format' }],
    [
      'fixture.yaml',
      (text) => text.replace('duration_ms: 1000', 'duration_ms: none'),
      { place: '/recorded/duration_ms' },
    ],
    ['fixture.yaml', (text) => `${text}\n  : [`, { place: 'YAML' }],
    ['fixture.yaml', (text) => text.replace(series, '../outside.csv'), { place: '../outside.csv' }],
    ['tags.csv', (text) => text.replace('uint64', 'uint65'), { place: 'line 5' }],
    ['tags.csv', (text) => text.replaceAll('press,', 'pross,'), { place: 'count' }],
    [series, () => gzipSync('ms,count\n0,1\n5,x\n'), { place: 'line 3' }],
    [series, () => gzipSync('ms,count\nsoon,1\n'), { place: 'line 2' }],
    [series, () => gzipSync('ms,other\n0,1\n'), { place: 'line 1' }],
    [series, () => gzipSync('ms,count\n0,1,2\n'), { place: 'line 2' }],
    [series, () => gzipSync('ms,count\n0,1\n').subarray(0, 20), {}],
  ];
  let count = 0;
  for (const [file, damage, context] of damages) {
    const directory = join(source, '..', `damaged-${count++}`);
    await cp(source, directory, { recursive: true });
    const text = file.endsWith('.gz') ? '' : await readFile(join(directory, file), 'utf8');
    await writeFile(join(directory, file), damage(text));
    const named = file.startsWith('series') ? join(directory, file) : new RegExp(file);
    await t.rejects(
      readFixture(directory),
      { code: 'FIXTURE_INVALID', context: { path: named, ...context } },
      `${file} ${count}`,
    );
  }
  await t.rejects(readFixture(join(source, '..', 'absent')), { code: 'FIXTURE_NOT_FOUND' });
});

t.test('the line in the repository is what it says', async (t) => {
  const directory = fileURLToPath(new URL('../../fixtures/line', import.meta.url));
  const { manifest, tags, series } = await readFixture(directory);
  t.ok(manifest.recorded.duration_ms >= 30 * 60_000, 'half an hour or more');
  t.ok(tags.length >= 60 && tags.length <= 120, 'a line of some size');
  let bytes = 0;
  for (const one of manifest.series) bytes += (await stat(join(directory, one.file))).size;
  t.ok(bytes < 3_000_000, 'small enough for a repository');
  t.same(
    series.map(({ length }) => length),
    manifest.series.map(({ readings }) => readings),
  );
  const vibration = series.flatMap((one) =>
    [...one.readings()]
      .filter(({ tag }) => one.tags[tag]?.name === 'vibration_de')
      .map(({ value, atMs }) => ({ value, atMs })),
  );
  const from = (share: number) => share * manifest.recorded.duration_ms;
  const highest = (begin: number, end: number) =>
    Math.max(
      ...vibration.filter(({ atMs }) => atMs >= from(begin) && atMs < from(end)).map(({ value }) => Number(value)),
    );
  t.ok(highest(0.05, 0.3) < 2.8, 'the bearing begins in the good zones of ISO 10816-3');
  t.ok(highest(0.3, 0.75) > 2.8, 'passes B/C at about two thirds');
  t.ok(highest(0.75, 1) > 4.5, 'and C/D near the end');
});

t.test('an empty folder is no fixture', async (t) => {
  const directory = join(await scratch(t), 'empty');
  await mkdir(directory);
  await t.rejects(readFixture(directory), { code: 'FIXTURE_NOT_FOUND', context: { path: directory } });
});
