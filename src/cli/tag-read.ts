import { counted } from '../model/counted.ts';
import { isGood, Status } from '../model/quality.ts';
import type { Reading } from '../model/reading.ts';
import type { TagDefinition } from '../model/tag.ts';
import { scaleValue, scalingOf } from '../pipeline/scaling.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { askDaemon } from './daemon.ts';
import { openDevices } from './direct-devices.ts';
import { EXIT } from './exit-code.table.ts';
import { formatQuality, formatReading, formatTime, formatValue } from './format.ts';
import { printJson, printTable, tinted } from './output.ts';
import { withProgress } from './progress.ts';
import { filterTags, selectTags, type TagFilter } from './tag-select.ts';

type Read = (device: string, tags: readonly TagDefinition[]) => Promise<readonly Reading[]>;

/** `headgate tag read TAG…`: read from the devices now, raw and scaled; through the daemon, or directly while none runs. */
export async function tagRead(context: CliContext, references: readonly string[], filter: TagFilter): Promise<number> {
  const configuration = await needConfiguration(context);
  const known = filterTags(configuration, filter);
  if (references.length === 0 && filter.device === undefined && filter.asset === undefined) {
    throw usageError('tag read', 'name the tags to read, or --device or --asset');
  }
  const tags = references.length === 0 ? known : selectTags(known, references, 'tag read');
  const readings = await withProgress(context, `reading ${counted(tags.length, 'tag')}`, async () => {
    const viaDaemon = await askDaemon(context, async (daemon) => {
      await daemon.services();
      return readAll(tags, (device, wanted) =>
        daemon.readTags(
          device,
          wanted.map(({ asset, name }) => `${asset}/${name}`),
        ),
      );
    });
    if (viaDaemon !== null) return viaDaemon;
    const used = configuration.devices.filter(({ name }) => tags.some(({ device }) => device === name));
    const devices = await openDevices(context, configuration, { devices: used, isPolling: false });
    try {
      return await readAll(tags, (device, wanted) => devices.driverOf(device).readNow(device, wanted));
    } finally {
      await devices.close();
    }
  });
  const rows = tags.map((tag, index) => rowOf(tag, readings[index]));
  if (context.isJson) printJson(context, rows);
  else {
    const lines = rows.map(({ tag, unit, raw, value, quality, isGood, time }) => [
      tag,
      formatValue(raw),
      formatReading({ value }, unit),
      tinted(context, isGood ? 'good' : 'bad', quality),
      time === null ? '' : formatTime(time),
    ]);
    printTable(context, ['tag', 'raw', 'value', 'quality', 'source time'], lines);
  }
  return rows.every((row) => row.isGood) ? EXIT.ok.code : EXIT.failed.code;
}

function rowOf(tag: TagDefinition, reading: Reading | undefined) {
  const { value, status } =
    reading === undefined
      ? { value: null, status: Status.Bad_NoCommunication }
      : scaleValue(scalingOf(tag), reading.value, reading.status);
  return {
    tag: `${tag.asset}/${tag.name}`,
    device: tag.device,
    unit: tag.unit,
    raw: reading?.value ?? null,
    value,
    status,
    quality: formatQuality(status),
    isGood: isGood(status),
    time: reading?.time ?? null,
  };
}

/** By device, in the order asked. */
async function readAll(tags: readonly TagDefinition[], read: Read): Promise<readonly (Reading | undefined)[]> {
  const byDevice = Map.groupBy(tags, ({ device }) => device);
  const found = new Map<TagDefinition, Reading>();
  await Promise.all(
    [...byDevice].map(async ([device, wanted]) => {
      const readings = await read(device, wanted);
      for (const [index, reading] of readings.entries()) {
        const tag = wanted[index];
        if (tag !== undefined) found.set(tag, reading);
      }
    }),
  );
  return tags.map((tag) => found.get(tag));
}
