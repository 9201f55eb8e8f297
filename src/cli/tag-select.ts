import type { Configuration } from '../config/configuration.ts';
import { nearest } from '../config/nearest.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { TagDefinition } from '../model/tag.ts';
import { usageError } from './cli-context.ts';

export interface TagFilter {
  readonly device?: string;
  /** What lies below it is included. */
  readonly asset?: string;
}

/** The tags of a filter, in table order. @throws CLI_NOT_FOUND an unknown device */
export function filterTags(configuration: Configuration, filter: TagFilter): readonly TagDefinition[] {
  const { device, asset } = filter;
  if (device !== undefined) needDevice(configuration, device);
  return configuration.tags
    .values()
    .filter(
      (tag) =>
        (device === undefined || tag.device === device) &&
        (asset === undefined || tag.asset === asset || tag.asset.startsWith(`${asset}/`)),
    )
    .toArray();
}

/**
 * Tags by `<asset>/<name>`, or by their name alone where only one has it.
 * @throws CLI_NOT_FOUND; CLI_USAGE an ambiguous name
 */
export function selectTags(
  tags: readonly TagDefinition[],
  references: readonly string[],
  command: string,
): readonly TagDefinition[] {
  return references.map((reference) => {
    const matching = tags.filter(({ asset, name }) => name === reference || `${asset}/${name}` === reference);
    const [tag] = matching;
    if (tag !== undefined && matching.length === 1) return tag;
    if (tag === undefined) {
      const near = nearest(reference, new Set(tags.flatMap(({ asset, name }) => [name, `${asset}/${name}`])));
      throw notFound('tag', reference, near, 'tag list');
    }
    const some = matching.slice(0, 3).map(({ asset, name }) => `${asset}/${name}`);
    throw usageError(
      command,
      `${reference} may be ${some.join(', ')}${matching.length > 3 ? ', …' : ''}: name the asset too`,
    );
  });
}

/** @throws CLI_NOT_FOUND */
export function needDevice(configuration: Configuration, name: string): Configuration['devices'][number] {
  const device = configuration.devices.find((known) => known.name === name);
  if (device !== undefined) return device;
  const names = configuration.devices.map((known) => known.name);
  throw notFound('device', name, nearest(name, names), 'device list');
}

function notFound(what: string, name: string, near: string | null, list: string): HeadgateError {
  return new HeadgateError('CLI_NOT_FOUND', {
    what,
    name,
    hint: near === null ? '' : `; did you mean "${near}"?`,
    list,
  });
}
