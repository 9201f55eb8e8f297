import { isMap, isSeq, parseDocument, stringify } from 'yaml';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { ComponentSpecs } from './component-spec.ts';
import { decodeText } from './decode-text.ts';
import { commit, type EditResult, tablesWithout } from './edit.ts';
import { nearest } from './nearest.ts';
import { type ConfigurationSource, readSource } from './source.ts';
import { parseYaml } from './yaml-file.ts';

/**
 * Write `devices/<name>.yaml`. With `replace`, the file that defines the device now is written anew.
 * @throws CONFIG_EDIT_CONFLICT the device exists (without replace), or is one of a list in its file
 */
export async function putDevice(
  directory: string,
  specs: ComponentSpecs,
  device: Readonly<Record<string, unknown>>,
  options: { readonly replace?: boolean } = {},
): Promise<EditResult> {
  const source = await readSource(directory);
  const name = String(device['name']);
  const place = devicesOf(source).find((known) => known.name === name);
  if (place !== undefined && options.replace !== true) throw conflict(place.file, `the device ${name} exists already`);
  if (place?.isListed === true) throw conflict(place.file, 'it holds a list of devices');
  return commit(source, specs, new Map([[place?.file ?? `devices/${name}.yaml`, stringify(device)]]));
}

/**
 * Take a device away: its file, or its entry where the file lists several, and with `withTags` the rows that are read from it.
 * @returns the number of tags that went
 * @throws CONFIG_EDIT_CONFLICT there is no such device, or tags are read from it (without withTags)
 */
export async function removeDevice(
  directory: string,
  specs: ComponentSpecs,
  name: string,
  options: { readonly withTags?: boolean } = {},
): Promise<EditResult & { readonly tags: number }> {
  const source = await readSource(directory);
  const devices = devicesOf(source);
  const place = devices.find((known) => known.name === name);
  if (place === undefined) {
    const names = devices.map((known) => known.name);
    const near = nearest(name, names);
    throw conflict('devices', `there is no device ${name}${near === null ? '' : `; did you mean ${near}?`}`);
  }
  const { changed, removed } = tablesWithout(source, ({ device }) => device === name);
  if (removed > 0 && options.withTags !== true) {
    throw conflict(
      place.file,
      `${removed === 1 ? 'a tag is' : `${removed} tags are`} read from it; with --with-tags they go too`,
    );
  }
  changed.set(place.file, place.isListed ? withoutEntry(place.text, name) : null);
  return { ...(await commit(source, specs, changed)), tags: removed };
}

/** Where a device is defined. */
interface DevicePlace {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** The file defines a list of devices, not this one alone. */
  readonly isListed: boolean;
}

function devicesOf(source: ConfigurationSource): DevicePlace[] {
  const places: DevicePlace[] = [];
  for (const { path: file, bytes } of source.files) {
    if (!file.startsWith('devices/') || bytes === null) continue;
    const decoded = decodeText(bytes);
    if (!('text' in decoded)) continue;
    const { value } = parseYaml(decoded.text);
    for (const device of Array.isArray(value) ? (value as unknown[]) : [value]) {
      const name = (device as { name?: unknown } | undefined | null)?.name;
      if (typeof name === 'string') places.push({ name, file, text: decoded.text, isListed: Array.isArray(value) });
    }
  }
  return places;
}

/** The text of a list without the entry of this name, comments kept; null when nothing is left of it. */
function withoutEntry(text: string, name: string): string | null {
  const document = parseDocument(text);
  const { contents } = document;
  if (!isSeq(contents)) return text;
  const [first] = contents.items;
  contents.items = contents.items.filter((item) => !(isMap(item) && (item.get('name') as unknown) === name));
  const [head] = contents.items;
  // What stands above the first entry is about the file more often than about the entry.
  if (head && first && head !== first && first.commentBefore) {
    head.commentBefore = [first.commentBefore, head.commentBefore].filter(Boolean).join('\n');
  }
  return contents.items.length === 0 ? null : String(document);
}

function conflict(file: string, reason: string): HeadgateError {
  return new HeadgateError('CONFIG_EDIT_CONFLICT', { file, reason });
}
