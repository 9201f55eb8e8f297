/** Most values of one array: a row that stands for more is a mistake. */
export const MOST_ELEMENTS = 1_000;

const ARRAY = /^(?<type>[^[\]]*?)\s*\[\s*(?<count>\d{1,9})\s*\]$/;

/** What a type cell says: the type of one value, and how many of them follow each other; `elements` null: one value, no array. */
export interface ArrayType {
  readonly type: string;
  readonly elements: number | null;
}

/** Split `int16[8]` into its type and its count, which is not judged; anything else is a type alone. */
export function splitArrayType(text: string): ArrayType {
  const groups = ARRAY.exec(text)?.groups;
  if (groups === undefined) return { type: text, elements: null };
  return { type: groups['type'] ?? '', elements: Number(groups['count']) };
}

/** The name of one value of an array, as importers name it too: `temperature_0`. @param index from 0 */
export function elementName(name: string, index: number): string {
  return `${name}_${index}`;
}
