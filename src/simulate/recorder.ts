import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { ReadingBatch, ScanGroup } from '../model/reading.ts';
import type { DataType, TagDefinition, TagValue } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';
import { FIXTURE_FORMAT, type FixtureDevice, type FixtureManifest } from './fixture-manifest.ts';
import { SeriesWriter } from './series-writer.ts';
import { encodeTagTable } from './tag-table.ts';

export interface RecorderOptions {
  /** Must not exist yet, or be empty. */
  readonly directory: string;
  readonly name: string;
  readonly description: string;
  /** Where the values come from, plainly. */
  readonly source: string;
  /** True when drivers read the values over real connections. */
  readonly throughDrivers: boolean;
  /** Line time per wall time, when a model is recorded faster than real. */
  readonly speed?: number;
  readonly devices: readonly RecordedDevice[];
  readonly tags: readonly TagDefinition[];
  readonly clock: Clock;
  readonly observer: Observer;
}

export interface RecordedDevice extends FixtureDevice {
  /** The device file as parsed YAML; secrets in it are references and stay so. */
  readonly deviceConfig?: Readonly<Record<string, unknown>>;
}

/** What a finished recording holds. */
interface RecordingSummary {
  readonly directory: string;
  readonly readings: number;
  /** Readings that the disk was too slow for. */
  readonly dropped: number;
  readonly durationMs: Millis;
}

export interface Recorder {
  /** The `report` of a DriverContext: takes raw values, before scaling. Never throws, never blocks, keeps nothing of the batch. */
  report(batch: ReadingBatch): void;
  readonly readings: number;
  /** Write what is missing and close. @throws FIXTURE_WRITE_FAILED */
  finish(): Promise<RecordingSummary>;
}

/**
 * Record what drivers report into a fixture folder. The values are the raw ones, with type, byte order and bit of the tag
 * table beside them, so that the simulator encodes registers that decode to the same values.
 *
 * ```ts
 * const recorder = await createRecorder({ directory, …, devices, tags, clock, observer });
 * const driver = await module.create(devices, { …, report: (batch) => recorder.report(batch) });
 * ```
 * @throws FIXTURE_EXISTS, FIXTURE_WRITE_FAILED
 */
export async function createRecorder(options: RecorderOptions): Promise<Recorder> {
  const { directory, clock, observer } = options;
  const entries = await readdir(directory).catch(() => []);
  if (entries.length > 0) throw new HeadgateError('FIXTURE_EXISTS', { path: directory });
  await mkdir(join(directory, 'series'), { recursive: true }).catch(failedWrite(directory));
  const startedAt = clock.now();
  const series = groupTags(options.tags).map((group) => {
    const file = `series/${group.device}_${group.periodMs}ms.csv.gz`;
    return { ...group, file, writer: new SeriesWriter(join(directory, file), group.tags, startedAt) };
  });
  const columnsOf = new WeakMap<ScanGroup, Map<SeriesWriter, Int32Array>>();
  const autoTypes = new AutoTypes(options);
  let lastTime = startedAt;

  const targetsOf = (group: ScanGroup): Map<SeriesWriter, Int32Array> => {
    const known = columnsOf.get(group);
    if (known !== undefined) return known;
    const targets = new Map<SeriesWriter, Int32Array>();
    for (const target of series) {
      if (target.device !== group.device) continue;
      const columns = Int32Array.from(group.tags, (tag) => target.tags.findIndex((own) => own.name === tag.name));
      if (columns.some((column) => column !== -1)) targets.set(target.writer, columns);
    }
    columnsOf.set(group, targets);
    return targets;
  };

  return {
    get readings() {
      return series.reduce((sum, one) => sum + one.writer.readings, 0);
    },
    report(batch) {
      for (const [writer, columns] of targetsOf(batch.group)) {
        const dropped = writer.append(batch, columns);
        if (dropped > 0) observer.emit('simulate-recording-dropped', { device: batch.group.device }, dropped);
      }
      lastTime = Math.max(lastTime, clock.now());
      autoTypes.note(batch);
    },
    async finish() {
      for (const { writer, file } of series) await writer.end().catch(failedWrite(join(directory, file)));
      const durationMs = Math.max(1, Math.round(Math.max(lastTime, clock.now()) - startedAt));
      const tags = options.tags.map((tag) => autoTypes.resolve(tag));
      const manifest = manifestOf(options, startedAt, durationMs, series);
      await writeText(join(directory, 'tags.csv'), encodeTagTable(tags));
      await mkdir(join(directory, 'devices'), { recursive: true });
      for (const { name, deviceConfig } of options.devices) {
        if (deviceConfig !== undefined)
          await writeText(join(directory, 'devices', `${name}.yaml`), stringify(deviceConfig));
      }
      await writeText(join(directory, 'fixture.yaml'), stringify(manifest, { lineWidth: 120 }));
      return {
        directory,
        readings: series.reduce((sum, one) => sum + one.writer.readings, 0),
        dropped: series.reduce((sum, one) => sum + one.writer.dropped, 0),
        durationMs,
      };
    },
  };
}

function manifestOf(
  options: RecorderOptions,
  startedAt: EpochMs,
  durationMs: Millis,
  series: readonly { device: string; periodMs: Millis; file: string; writer: SeriesWriter }[],
): FixtureManifest {
  return {
    format: FIXTURE_FORMAT,
    name: options.name,
    description: options.description,
    recorded: {
      at: new Date(startedAt).toISOString(),
      duration_ms: durationMs,
      source: options.source,
      through_drivers: options.throughDrivers,
      ...(options.speed === undefined ? {} : { speed: options.speed }),
    },
    devices: options.devices.map(({ deviceConfig, ...device }) => ({
      ...device,
      ...(deviceConfig === undefined ? {} : { config: `devices/${device.name}.yaml` }),
    })),
    series: series.map(({ device, periodMs, file, writer }) => ({
      device,
      period_ms: periodMs,
      file,
      readings: writer.readings,
    })),
  };
}

/** The tags by device and period, in their order. */
function groupTags(tags: readonly TagDefinition[]): { device: string; periodMs: Millis; tags: TagDefinition[] }[] {
  const groups = new Map<string, { device: string; periodMs: Millis; tags: TagDefinition[] }>();
  for (const tag of tags) {
    const key = `${tag.device} ${tag.scanMs}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { device: tag.device, periodMs: tag.scanMs, tags: [tag] });
    else group.tags.push(tag);
  }
  return [...groups.values()];
}

/**
 * A server declares the type of an `auto` tag; the fixture names one that holds the values seen. Modbus registers without a
 * type are single ones.
 */
class AutoTypes {
  readonly #untyped = new Map<string, { readonly isModbus: boolean; type: DataType }>();

  constructor(options: RecorderOptions) {
    const modbus = new Set(options.devices.filter((one) => one.protocol === 'modbus-tcp').map(({ name }) => name));
    for (const tag of options.tags) {
      if (tag.type !== 'auto') continue;
      const isModbus = modbus.has(tag.device);
      this.#untyped.set(keyOf(tag), { isModbus, type: isModbus ? 'uint16' : 'float64' });
    }
  }

  note(batch: ReadingBatch): void {
    if (this.#untyped.size === 0) return;
    for (let position = 0; position < batch.count; position++) {
      const value: TagValue = batch.values[position] ?? null;
      if (value === null || typeof value === 'number') continue;
      const tag = batch.group.tags.at(batch.indexes === null ? position : (batch.indexes[position] as number));
      const known = tag === undefined ? undefined : this.#untyped.get(keyOf(tag));
      if (known === undefined) continue;
      known.type = typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'int64';
    }
  }

  resolve(tag: TagDefinition): TagDefinition {
    const known = this.#untyped.get(keyOf(tag));
    return known === undefined ? tag : { ...tag, type: known.type };
  }
}

function keyOf(tag: TagDefinition): string {
  return `${tag.device} ${tag.asset} ${tag.name}`;
}

async function writeText(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch(failedWrite(path));
}

function failedWrite(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new HeadgateError('FIXTURE_WRITE_FAILED', { path, problem: messageOf(cause) }, cause);
  };
}
