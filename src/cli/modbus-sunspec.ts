import { componentSpecs } from '../component-specs.ts';
import { writeImport } from '../config/edit-import.ts';
import type { ImportedTable } from '../config/import/imported-table.ts';
import { discoverSunspec, type ProposedTag, type SunspecMap } from '../drivers/modbus/sunspec.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import { isGood, Status, statusName } from '../model/quality.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { Driver } from '../ports/driver.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { openDevices } from './direct-devices.ts';
import { EXIT } from './exit-code.table.ts';
import { oneLine, printJson, printTable } from './output.ts';
import { withProgress } from './progress.ts';
import { needDevice } from './tag-select.ts';

export interface SunspecOptions {
  /** Where the tags are filed; default: below the asset of the gateway. */
  readonly asset?: string;
  readonly scanMs: number;
  /** Write the proposed tags as the table of the device. */
  readonly write?: boolean;
  readonly replace?: boolean;
}

/** `headgate modbus sunspec DEVICE`: what a unit says of itself by SunSpec, as a tag table. */
export async function modbusSunspec(context: CliContext, name: string, options: SunspecOptions): Promise<number> {
  const configuration = await needConfiguration(context);
  const device = needDevice(configuration, name);
  const devices = await openDevices(context, configuration, { devices: [device], isPolling: false });
  let map: SunspecMap | null;
  try {
    const driver = devices.driverOf(name);
    map = await withProgress(context, `asking ${name}`, () =>
      discoverSunspec((offset, count) => registers(driver, name, offset, count)),
    );
  } finally {
    await devices.close();
  }
  if (map === null)
    throw new HeadgateError('CLI_DEVICE_FAILED', {
      device: name,
      reason: 'it has no SunSpec map at 40000, 50000 or 0',
    });
  const asset = options.asset ?? `${configuration.gateway.gateway.asset}/${name}`;
  const file = `tags/${name}.csv`;
  const target = { file, replace: options.replace === true, isDryRun: options.write !== true };
  const result = await writeImport(
    context.configDirectory,
    componentSpecs,
    tableOf(map, name, asset, options.scanMs),
    target,
  );
  if (context.isJson)
    printJson(context, { device: name, ...map, written: result.isWritten, file, rejected: result.rejected });
  else {
    printTable(
      context,
      ['model', 'what', 'register', 'length'],
      map.models.map(({ id, title, offset, length }) => [
        String(id),
        title ?? 'not known here',
        `HR:${offset}`,
        String(length),
      ]),
    );
    context.out('\n');
    printTable(
      context,
      ['tag', 'address', 'type', 'scale', 'unit'],
      map.tags.map((tag) => [tag.name, `HR:${tag.offset}`, tag.type, String(tag.scale), tag.unit]),
    );
    for (const { tag, reason } of result.rejected) context.err(`${tag}: ${oneLine(reason)}\n`);
    context.err(result.isWritten ? `written to ${file}\n` : `--write makes them the tags of ${name}\n`);
  }
  return result.rejected.length === 0 && result.problems.length === 0 ? EXIT.ok.code : EXIT.failed.code;
}

/** Holding registers by the real driver; null where the unit refuses. @throws CLI_DEVICE_FAILED it does not answer */
async function registers(
  driver: Driver,
  device: string,
  offset: number,
  count: number,
): Promise<readonly number[] | null> {
  const tags = Array.from({ length: count }, (_, index) => registerTag(device, offset + index));
  const readings = await driver.readNow(device, tags);
  const bad = readings.find(({ status }) => !isGood(status));
  if (bad === undefined) return readings.map(({ value }) => Number(value));
  const isRefusal = readings.every(({ status }) => isGood(status) || REFUSALS.has(status));
  if (!isRefusal) throw new HeadgateError('CLI_DEVICE_FAILED', { device, reason: statusName(bad.status) });
  return null;
}

const REFUSALS: ReadonlySet<number> = new Set([
  Status.Bad_NodeIdUnknown,
  Status.Bad_NotSupported,
  Status.Bad_ConfigurationError,
  Status.Bad_DeviceFailure,
]);

function registerTag(device: string, offset: number): TagDefinition {
  return {
    ...{ device, name: `r${offset}`, asset: 'sunspec', address: `HR:${offset}`, type: 'uint16', byteOrder: 'ABCD' },
    ...{ bit: null, length: null, access: 'r', scanMs: 1_000, scale: 1, offset: 0 },
    ...{ rawLow: null, rawHigh: null, engLow: null, engHigh: null, unit: '', deadband: 0 },
    ...{ deadbandType: 'none', lane: 'bulk', description: '' },
  };
}

function tableOf(map: SunspecMap, device: string, asset: string, scanMs: number): ImportedTable {
  const rows = map.tags.map((tag: ProposedTag) => ({
    tag: tag.name,
    place: `HR:${tag.offset}`,
    cells: {
      ...{ device, name: tag.name, asset, address: `HR:${tag.offset}`, type: tag.type, unit: tag.unit },
      // What does not change is asked for once an hour.
      scan_ms: String(tag.type === 'string' ? Math.max(scanMs, 3_600_000) : scanMs),
      ...(tag.length === null ? {} : { length: String(tag.length) }),
      ...(tag.scale === 1 ? {} : { scale: String(tag.scale) }),
    },
  }));
  return { devices: [], rows, rejected: [], notes: [] };
}
