import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { Check, Errors } from 'typebox/value';
import { parse } from 'yaml';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { Fixture } from './fixture.ts';
import { FIXTURE_FORMAT, type FixtureManifest, FixtureManifestSchema } from './fixture-manifest.ts';
import { type Series, SeriesBuilder } from './series.ts';
import { decodeCell, recordedType } from './series-csv.ts';
import { splitCsvLine } from './split-csv-line.ts';
import { decodeTagTable } from './tag-table.ts';

/**
 * Read a fixture folder; the series files are streamed into columns, never held as text.
 * @throws FIXTURE_NOT_FOUND, FIXTURE_INVALID with file and place
 */
export async function readFixture(directory: string): Promise<Fixture> {
  const manifest = await readManifest(directory);
  const tagsPath = join(directory, 'tags.csv');
  const tags = decodeTagTable(await readText(tagsPath), tagsPath);
  const deviceNames = new Set(manifest.devices.map((device) => device.name));
  for (const tag of tags) {
    if (!deviceNames.has(tag.device)) {
      const problem = `tag ${tag.name} names the device ${tag.device}, which fixture.yaml does not have`;
      throw new HeadgateError('FIXTURE_INVALID', { path: tagsPath, place: tag.name, problem });
    }
  }
  const series: Series[] = [];
  for (const entry of manifest.series) {
    const group = {
      device: entry.device,
      periodMs: entry.period_ms,
      tags: tags.filter((tag) => tag.device === entry.device && tag.scanMs === entry.period_ms),
    };
    series.push(await readSeries(inside(directory, entry.file), group));
  }
  const deviceConfigs = new Map<string, Record<string, unknown>>();
  for (const device of manifest.devices) {
    if (device.config === undefined) continue;
    const path = inside(directory, device.config);
    const config = parseYaml(await readText(path), path);
    if (config !== null && typeof config === 'object') deviceConfigs.set(device.name, { ...config });
  }
  return { manifest, devices: manifest.devices, tags, series, deviceConfigs };
}

async function readManifest(directory: string): Promise<FixtureManifest> {
  const path = join(directory, 'fixture.yaml');
  const manifest = parseYaml(
    await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new HeadgateError('FIXTURE_NOT_FOUND', { path: directory }, cause);
    }),
    path,
  );
  if (Check(FixtureManifestSchema, manifest)) return manifest;
  const format =
    typeof manifest === 'object' && manifest !== null && 'format' in manifest ? manifest.format : undefined;
  if (format !== FIXTURE_FORMAT) {
    const problem = `is ${JSON.stringify(format)}, this build reads ${FIXTURE_FORMAT}`;
    throw new HeadgateError('FIXTURE_INVALID', { path, place: 'format', problem });
  }
  const [first] = Errors(FixtureManifestSchema, manifest);
  const place = first?.instancePath || 'top level';
  throw new HeadgateError('FIXTURE_INVALID', { path, place, problem: first?.message ?? 'is not a fixture' });
}

async function readSeries(
  path: string,
  group: { readonly device: string; readonly periodMs: number; readonly tags: readonly TagDefinition[] },
): Promise<Series> {
  const fail = (line: number, problem: string): never => {
    throw new HeadgateError('FIXTURE_INVALID', { path, place: `line ${line}`, problem });
  };
  const file = createReadStream(path);
  const text = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => text.destroy(error));
  const types = group.tags.map(recordedType);
  const position = new Map(group.tags.map((tag, index) => [tag.name, index]));
  const builder = new SeriesBuilder();
  let columns: number[] | null = null;
  let lineNumber = 0;
  try {
    for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
      lineNumber++;
      if (line === '') continue;
      const cells = splitCsvLine(line);
      if (columns === null) {
        if (cells[0] !== 'ms') fail(1, 'the first column must be ms');
        columns = cells.slice(1).map((name) => {
          return position.get(name) ?? fail(1, `${name} is not a tag of ${group.device} at ${group.periodMs} ms`);
        });
        continue;
      }
      const atMs = Number(cells[0]);
      if (cells[0] === '' || !Number.isFinite(atMs)) fail(lineNumber, `${JSON.stringify(cells[0])} is no time`);
      if (cells.length > columns.length + 1) fail(lineNumber, 'more cells than the header has');
      for (let column = 1; column < cells.length; column++) {
        const cell = cells[column] ?? '';
        if (cell === '') continue;
        const tag = columns[column - 1] ?? 0;
        const reading = decodeCell(cell, types[tag] ?? 'auto');
        if (reading === null) {
          fail(lineNumber, `${JSON.stringify(cell)} is no value of ${group.tags[tag]?.name} (${types[tag]})`);
        } else builder.add(tag, reading.value, reading.status, atMs);
      }
    }
  } catch (cause) {
    if (cause instanceof HeadgateError) throw cause;
    throw new HeadgateError(
      'FIXTURE_INVALID',
      { path, place: `after line ${lineNumber}`, problem: messageOf(cause) },
      cause,
    );
  }
  return builder.build(group);
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new HeadgateError('FIXTURE_INVALID', { path, place: 'YAML', problem: messageOf(cause) }, cause);
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new HeadgateError('FIXTURE_INVALID', { path, place: 'file', problem: messageOf(cause) }, cause);
  });
}

/** A fixture may come from anywhere: no path in it leads out of its folder. */
function inside(directory: string, relative: string): string {
  const clean = normalize(relative);
  if (clean.startsWith('..') || clean.startsWith('/')) {
    throw new HeadgateError('FIXTURE_INVALID', {
      path: join(directory, 'fixture.yaml'),
      place: relative,
      problem: 'leads out of the folder',
    });
  }
  return join(directory, clean);
}
