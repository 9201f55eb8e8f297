import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TagDefinition, TagValue } from '../../src/model/tag.ts';
import { type Fixture, TAG_DEFAULTS } from '../../src/simulate/fixture.ts';
import type { FixtureDevice } from '../../src/simulate/fixture-manifest.ts';
import { SeriesBuilder } from '../../src/simulate/series.ts';

/** A tag with defaults for what a test does not care about. */
export function makeTag(given: Partial<TagDefinition> & { readonly name: string }): TagDefinition {
  return { ...TAG_DEFAULTS, device: 'd', asset: 'site/line', address: 'HR:0', type: 'uint16', ...given };
}

/** A directory of its own, removed when the test ends. */
export async function scratch(t: { teardown(act: () => unknown): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A line of two Modbus units on one port and one OPC UA server, each tag with the readings given, in a fixture in memory. */
export function makeFixture(
  devices: readonly FixtureDevice[],
  readings: readonly (readonly [tag: TagDefinition, ...readings: readonly SeriesReading[]])[],
  durationMs = 60_000,
): Fixture {
  const tags = readings.map(([tag]) => tag);
  const groups = Map.groupBy(readings, ([tag]) => `${tag.device} ${tag.scanMs}`);
  const series = [...groups.values()].map((own) => {
    const builder = new SeriesBuilder();
    own.forEach(([, ...values], tag) => {
      for (const [atMs, value, status = 0] of values) builder.add(tag, value, status, atMs);
    });
    const [first] = own;
    const { device = '', scanMs = 1000 } = first?.[0] ?? {};
    return builder.build({ device, periodMs: scanMs, tags: own.map(([tag]) => tag) });
  });
  return {
    manifest: {
      format: 'headgate-fixture/1',
      name: 'made',
      description: 'made by a test',
      recorded: { at: '2026-01-01T00:00:00.000Z', duration_ms: durationMs, source: 'a test', through_drivers: false },
      devices: [...devices],
      series: series.map((one) => ({
        device: one.device,
        period_ms: one.periodMs,
        file: 'none',
        readings: one.length,
      })),
    },
    devices,
    tags,
    series,
    deviceConfigs: new Map(),
  };
}

type SeriesReading = readonly [atMs: number, value: TagValue, status?: number];
