/**
 * Cells as one line of a CSV table, without its end. Cells are quoted where a reader would take them for something else: what holds the delimiter, a
 * quote or a line break, begins or ends with space, or begins as a comment does.
 * @source RFC 4180 §2
 */
export function csvLine(cells: readonly string[], delimiter = ','): string {
  return cells.map((cell) => csvCell(cell, delimiter)).join(delimiter);
}

/** One cell of such a line. */
export function csvCell(cell: string, delimiter = ','): string {
  const isPlain = !cell.includes(delimiter) && !/["\r\n]|^\s|\s$|^#/.test(cell);
  return isPlain ? cell : `"${cell.replaceAll('"', '""')}"`;
}
