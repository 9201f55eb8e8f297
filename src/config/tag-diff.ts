import type { TagDefinition } from '../model/tag.ts';

/** A tag that both have, with the fields that differ. */
interface ChangedTag {
  readonly tag: string;
  readonly fields: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
}

/** What becomes of the tags when one configuration takes the place of another; tags are told apart by asset and name. */
export interface TagDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly ChangedTag[];
}

/** Compare the tags that are running with those that would. */
export function diffTags(running: Iterable<TagDefinition>, next: Iterable<TagDefinition>): TagDiff {
  const before = new Map(Array.from(running, (tag) => [keyOf(tag), tag]));
  const after = new Map(Array.from(next, (tag) => [keyOf(tag), tag]));
  const changed: ChangedTag[] = [];
  for (const [key, tag] of after) {
    const old = before.get(key);
    if (old === undefined) continue;
    const fields = (Object.keys(tag) as (keyof TagDefinition)[])
      .filter((field) => old[field] !== tag[field])
      .map((field) => ({ field, from: old[field], to: tag[field] }));
    if (fields.length > 0) changed.push({ tag: key, fields });
  }
  return {
    added: [...after.keys()].filter((key) => !before.has(key)),
    removed: [...before.keys()].filter((key) => !after.has(key)),
    changed,
  };
}

function keyOf({ asset, name }: TagDefinition): string {
  return `${asset}/${name}`;
}
