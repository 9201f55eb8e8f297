import { Rejection } from './imported-table.ts';

/** A mapping of a parsed document. */
export type Mapping = Readonly<Record<string, unknown>>;

/** The mapping that a value is; an empty one where there is none. @throws Rejection something else */
export function mappingOf(value: unknown, what: string): Mapping {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Rejection(`${what} is not a mapping`);
  return value as Mapping;
}

/** The entries of a list with their places; none where there is no list. */
export function entriesOf(
  parent: Mapping,
  key: string,
  place: string,
): { readonly entry: Mapping; readonly place: string }[] {
  const list = parent[key];
  if (!Array.isArray(list)) return [];
  return list.map((entry: unknown, index) => ({
    entry: typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? (entry as Mapping) : {},
    place: `${place === '' ? '' : `${place}.`}${key}[${index}]`,
  }));
}

/** Text, a number's or boolean's too; `''` where there is none. */
export function textOf(parent: Mapping, ...keys: readonly string[]): string {
  for (const key of keys) {
    const value = parent[key];
    if (typeof value === 'string') return value.trim();
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  }
  return '';
}

/** True for a boolean, or text that says so. */
export function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && /^(true|1|yes)$/i.test(value.trim()));
}
