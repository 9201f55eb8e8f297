import { componentSpecs } from '../component-specs.ts';
import type { Configuration } from '../config/configuration.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatQuality, formatReading, formatTime } from './format.ts';
import { printJson, printTable } from './output.ts';
import { filterTags, type TagFilter } from './tag-select.ts';

export interface TagListOptions extends TagFilter {
  /** Current values too, from the daemon. */
  readonly values?: boolean;
}

/** `headgate tag list`: the tag table with resolved addresses, and with --values what the daemon last reported. */
export async function tagList(context: CliContext, options: TagListOptions): Promise<number> {
  const configuration = await needConfiguration(context);
  const tags = filterTags(configuration, options);
  const shown = addressShower(configuration);
  const filter = options.device === undefined ? {} : { device: options.device };
  const rows = options.values === true ? await (await needDaemon(context)).currentValues(filter) : [];
  const values = new Map(rows.map(({ asset, tag, current }) => [`${asset}/${tag}`, current]));
  const list = tags.map((tag) => ({
    ...tag,
    resolvedAddress: shown(tag),
    ...(options.values === true ? { current: values.get(`${tag.asset}/${tag.name}`) ?? null } : {}),
  }));
  if (context.isJson) printJson(context, list);
  else if (list.length === 0) context.out('no tags\n');
  else if (options.values === true) {
    const lines = list.map(({ asset, name, unit, current = null }) => [
      `${asset}/${name}`,
      formatReading(current, unit),
      current === null ? 'not reported yet' : formatQuality(current.status),
      current === null ? '' : formatTime(current.time),
    ]);
    printTable(context, ['tag', 'value', 'quality', 'source time'], lines);
  } else {
    const lines = list.map((tag) => [
      `${tag.asset}/${tag.name}`,
      tag.device,
      tag.address,
      tag.resolvedAddress,
      tag.type,
      String(tag.scanMs),
      tag.unit,
    ]);
    printTable(context, ['tag', 'device', 'address', 'resolved', 'type', 'scan ms', 'unit'], lines);
  }
  return EXIT.ok.code;
}

/** How the resolved address of a tag is shown, as its driver says. */
export function addressShower(configuration: Configuration): (tag: TagDefinition) => string {
  const devices = new Map(configuration.devices.map((device) => [device.name, device]));
  const specs = new Map(componentSpecs.drivers.map((spec) => [spec.kind, spec]));
  return (tag) => {
    const device = devices.get(tag.device);
    return specs.get(device?.driver ?? '')?.describeAddress(tag, device?.config) ?? tag.address;
  };
}
