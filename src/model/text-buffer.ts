/** Text that is turned into bytes together: short enough that what it is made of dies young. */
const PIECE_CHARS = 4_096;
/** UTF-8 needs at most so many bytes for a UTF-16 unit. */
const MAX_BYTES_PER_CHAR = 3;

/**
 * Collects a long text as UTF-8. A string put together from tens of thousands of parts is a tree of that many objects until it is read,
 * all alive at once, and V8 moves them where only a full collection frees them.
 */
export class TextBuffer {
  readonly #expectedBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #text = '';

  /** @param expectedBytes how long it will probably be */
  constructor(expectedBytes: number) {
    this.#expectedBytes = expectedBytes;
  }

  append(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE_CHARS) this.#write();
  }

  /** All that was appended; the buffer is not used afterwards. */
  finish(): Buffer {
    if (this.#length === 0) return Buffer.from(this.#text);
    this.#write();
    return this.#bytes.subarray(0, this.#length);
  }

  #write(): void {
    const needed = this.#length + this.#text.length * MAX_BYTES_PER_CHAR;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#expectedBytes, Math.ceil(this.#bytes.length * 1.5)));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(this.#text, this.#length, 'utf8');
    this.#text = '';
  }
}
