/** A number of things for people: `0 tags`, `1 tag`, `2 tags`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
