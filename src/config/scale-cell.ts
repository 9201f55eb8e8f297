/** What the scale column makes of a raw value beside a factor: the square root of its place in the raw range, or a text for each number. */
export type ScaleForm =
  | { readonly curve: 'sqrt' }
  /** By the raw whole number. */
  | { readonly texts: Readonly<Record<string, string>> };

const SQUARE_ROOT = /^(sqrt|square ?root)$/i;
const PAIR = /^\s*([+-]?\d{1,15})\s*=\s*(\S(?:.*\S)?)\s*$/;
const MAX_TEXT = 64;
const MAX_TEXTS = 256;

/** What would be right. */
export const SCALE_EXPECTED =
  'a number other than 0, such as 0.1; or sqrt; or texts for numbers, such as 0=off|1=running|2=fault';

/**
 * Read a cell that is no number: `sqrt`, or `0=off|1=running`.
 * @returns null when it is neither
 */
export function parseScaleForm(text: string): ScaleForm | null {
  if (text.length >= 4 && SQUARE_ROOT.test(text)) return { curve: 'sqrt' };
  if (!text.includes('=')) return null;
  const texts: Record<string, string> = {};
  for (const part of text.split('|')) {
    const [, number, word] = PAIR.exec(part) ?? [];
    if (
      number === undefined ||
      word === undefined ||
      word.length > MAX_TEXT ||
      Object.hasOwn(texts, String(Number(number)))
    ) {
      return null;
    }
    texts[String(Number(number))] = word;
  }
  return Object.keys(texts).length > MAX_TEXTS ? null : { texts };
}
