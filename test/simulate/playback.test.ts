import t from 'tap';
import { Playback, type PlayedReading } from '../../src/simulate/playback.ts';
import { SeriesBuilder } from '../../src/simulate/series.ts';
import { makeTag } from './support.ts';

const START = 1_000_000;

function playback(readings: readonly (readonly [atMs: number, value: number])[], speed = 1) {
  const builder = new SeriesBuilder();
  for (const [atMs, value] of readings) builder.add(0, value, 0, atMs);
  const series = builder.build({ device: 'd', periodMs: 1000, tags: [makeTag({ name: 'x' })] });
  const played: PlayedReading[] = [];
  return {
    played,
    line: new Playback([series], { durationMs: 3000, speed, startedAt: START }),
    deliver: (_series: number, _tag: number, reading: PlayedReading) => played.push(reading),
    values: () => played.splice(0).map(({ value, time }) => [value, time - START]),
  };
}

t.test('readings come when they are due, with times shifted to now', async (t) => {
  const { line, deliver, values } = playback([
    [0, 1],
    [1000, 2],
    [2000, 3],
  ]);
  line.advance(START, deliver);
  t.same(values(), [[1, 0]]);
  t.equal(line.nextDue(START), START + 1000);
  line.advance(START + 999, deliver);
  t.same(values(), []);
  line.advance(START + 2500, deliver);
  t.same(values(), [
    [2, 1000],
    [3, 2000],
  ]);
  t.equal(line.nextDue(START + 2500), START + 3000, 'the end');
  t.equal(line.nextDue(START + 3000), null);
  t.equal(line.positionMs(START + 9000), 3000);
});

t.test('at ten times the speed all times are a tenth', async (t) => {
  const { line, deliver, values } = playback(
    [
      [0, 1],
      [1000, 2],
      [2000, 3],
    ],
    10,
  );
  line.advance(START + 250, deliver);
  t.same(values(), [
    [1, 0],
    [2, 100],
    [3, 200],
  ]);
  t.equal(line.nextDue(START + 250), START + 300);
});

t.test('a loop begins where the recording ended, without a gap', async (t) => {
  const { line, deliver, values } = playback([
    [0, 1],
    [2000, 2],
  ]);
  line.advance(START + 3000, deliver);
  values();
  line.rewind();
  line.advance(START + 5000, deliver);
  t.same(values(), [
    [1, 3000],
    [2, 5000],
  ]);
});

t.test('a device has the values of its first scan at once', async (t) => {
  const { line, deliver, values } = playback([
    [800, 5],
    [1800, 6],
  ]);
  line.prime(deliver);
  t.same(values(), [[5, 0]]);
});

t.test('readings out of order are ordered by time, equal times as they came', async (t) => {
  const { line, deliver, values } = playback([
    [2000, 3],
    [0, 1],
    [1000, 2],
    [1000, 4],
  ]);
  line.advance(START + 2000, deliver);
  t.same(
    values().map(([value]) => value),
    [1, 2, 4, 3],
  );
});
