/** UTF-8 needs at most so many bytes for a UTF-16 unit. */
const MAX_BYTES_PER_CHAR = 3;
/** Up to here a loop over the characters is quicker than a call of `Buffer.write`. */
const SHORT_CHARS = 40;
/** Digits of a 32-bit integer, and its sign. */
const MAX_INTEGER_CHARS = 11;
const ZERO = 48;
const MINUS = 45;

/**
 * Collects a long text as UTF-8. A string put together from tens of thousands of parts is a tree of that many objects until it is read,
 * all alive at once, and V8 moves them where only a full collection frees them; so every part becomes bytes at once.
 */
export class TextBuffer {
  #bytes: Buffer;
  #length = 0;

  /** @param expectedBytes how long it will probably be */
  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(expectedBytes);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  append(text: string): void {
    this.#reserve(text.length * MAX_BYTES_PER_CHAR);
    if (text.length > SHORT_CHARS || !this.#appendAscii(text)) this.#length += this.#bytes.write(text, this.#length);
  }

  /** Append some bytes of UTF-8. */
  appendBytes(source: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = from; i < to; i++) bytes[at++] = source[i] as number;
    this.#length = at;
  }

  /** Append the digits of an integer of 32 bits, signed. */
  appendInteger(value: number): void {
    this.#reserve(MAX_INTEGER_CHARS);
    const bytes = this.#bytes;
    let rest = value;
    if (rest < 0) {
      bytes[this.#length++] = MINUS;
      rest = -rest;
    }
    let digits = 1;
    for (let power = 10; power <= rest; power *= 10) digits++;
    this.#length += digits;
    for (let at = this.#length - 1; digits > 0; digits--) {
      const tenth = Math.trunc(rest / 10);
      bytes[at--] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
  }

  /** All that was appended; the buffer is not used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @returns false when a character is not ASCII; nothing is appended then */
  #appendAscii(text: string): boolean {
    const bytes = this.#bytes;
    const begin = this.#length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[begin + i] = code;
    }
    this.#length = begin + text.length;
    return true;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(this.#bytes.length * 1.5)));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
