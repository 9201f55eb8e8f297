const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const COMMA = /^[+-]?(\d+,\d*|,\d+)(e[+-]?\d{1,3})?$/i;

/**
 * A number as a spreadsheet writes it. A decimal comma counts only where the comma does not separate cells: elsewhere `1,000` could be
 * a thousand.
 * @returns NaN when it is no number
 */
export function parseNumberCell(text: string, hasDecimalComma: boolean): number {
  if (PLAIN.test(text)) return Number(text);
  if (hasDecimalComma && COMMA.test(text)) return Number(text.replace(',', '.'));
  return Number.NaN;
}

/** A whole number, also with a decimal part of zeros (`1000.0`); NaN when it is none. */
export function parseWholeCell(text: string, hasDecimalComma: boolean): number {
  const value = parseNumberCell(text, hasDecimalComma);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
