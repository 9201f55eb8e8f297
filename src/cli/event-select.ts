import { isAssetPath } from '../model/asset.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { SearchRequest } from '../ports/control.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { describeMoment } from './time-option.ts';

/** How stored events are chosen on the command line. */
export interface EventSelectOptions {
  readonly type?: string;
  readonly asset?: string;
  readonly tag?: string;
  /** Source time. */
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly lane?: readonly string[];
}

/**
 * The search that options mean.
 * @param command for the error
 * @throws CLI_USAGE
 */
export function searchOf(command: string, options: EventSelectOptions): SearchRequest {
  const { type, asset, tag, from, to, lane } = options;
  checkEventType(command, type);
  // A trailing slash, as a shell completes it, and the wildcard that MQTT has for it mean the same.
  const path = asset?.replace(/\/#?$/, '');
  checkAsset(command, path);
  if (from !== undefined && to !== undefined && from >= to) {
    throw usageError(command, `--from ${describeMoment(from)} is not before --to ${describeMoment(to)}`);
  }
  const lanes = lane?.map((name) => {
    if (!LANES.some((known) => known === name)) {
      throw usageError(command, `--lane ${JSON.stringify(name)}: expected ${LANES.join(', ')}`);
    }
    return name as Lane;
  });
  const where = {
    ...(type === undefined ? {} : { type }),
    ...(path === undefined ? {} : { asset: path }),
    ...(tag === undefined ? {} : { tag }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  return { where, ...(lanes === undefined ? {} : { lanes }) };
}

/** @throws CLI_USAGE */
export function checkEventType(command: string, type: string | undefined): void {
  if (type === undefined || /^[a-z0-9.-]+\*?$|^\*$/.test(type)) return;
  throw usageError(
    command,
    `--type ${JSON.stringify(type)}: expected an event type such as headgate.telemetry.v1, or a prefix ending in *`,
  );
}

/** @throws CLI_USAGE */
export function checkAsset(command: string, asset: string | undefined): void {
  if (asset === undefined || isAssetPath(asset)) return;
  throw usageError(command, `--asset ${JSON.stringify(asset)}: expected an asset path such as acme/hamburg/line-3`);
}

/** Say on stderr which time is meant: `-2h` and a time without a zone could be taken for another. */
export function sayRange(context: CliContext, { from, to }: EventSelectOptions): void {
  if (context.isJson || (from === undefined && to === undefined)) return;
  const start = from === undefined ? 'the beginning' : describeMoment(from);
  const end = to === undefined ? 'now' : describeMoment(to);
  context.err(`source time from ${start} to ${end}\n`);
}
