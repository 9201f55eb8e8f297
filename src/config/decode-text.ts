/** The text of a file, or why it is none. */
export type DecodedText =
  | { readonly text: string }
  | { readonly line: number; readonly column: number; readonly found: string; readonly expected: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Strict UTF-8, a byte order mark removed. Other encodings are named by their marks and refused: a guess would turn `µ` and `°` into
 * something else unseen.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return {
      line: 1,
      column: 1,
      found: 'UTF-16 text',
      expected: 'UTF-8 (in a spreadsheet: save as "CSV UTF-8"; or: iconv -f UTF-16 -t UTF-8)',
    };
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4) {
    return {
      line: 1,
      column: 1,
      found: 'a spreadsheet (.xlsx, .ods) or another archive',
      expected: 'text (in a spreadsheet: save as "CSV UTF-8")',
    };
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    return { ...placeOf(bytes, nul), found: 'a NUL byte', expected: 'a text file in UTF-8' };
  }
  try {
    const text = UTF8.decode(bytes);
    return { text: text.startsWith('\ufeff') ? text.slice(1) : text };
  } catch {
    const at = firstInvalid(bytes);
    const hex = (bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, '0');
    return {
      ...placeOf(bytes, at),
      found: `the byte 0x${hex}, which is not UTF-8; the file is likely Windows-1252`,
      expected: 'UTF-8 (in a spreadsheet: save as "CSV UTF-8"; or: iconv -f WINDOWS-1252 -t UTF-8)',
    };
  }
}

/** Halve the range in which decoding fails; a sequence cut at the end of a probe is no failure. */
function firstInvalid(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  // What was good so far may end within a sequence, and that is what does not go on.
  for (let start = good - 1; start >= Math.max(0, good - 3); start--) {
    const byte = bytes[start] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return start + sequenceLength(byte) > good ? start : good;
  }
  return good;
}

/** @param lead the first byte of a sequence */
function sequenceLength(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

function placeOf(bytes: Uint8Array, at: number): { line: number; column: number } {
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < at; i++) {
    if (bytes[i] === 0x0a) {
      line++;
      lineStart = i + 1;
    }
  }
  return { line, column: at - lineStart + 1 };
}
