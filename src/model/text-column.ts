const NOTHING = Buffer.alloc(0);
/** Room that is taken at the first text. */
const FIRST_BYTES = 4_096;
const FIRST_ENDS = 256;

/** Texts in one buffer, in the order in which they were added: 4 bytes more than their UTF-8 each, where a string of its own takes 32. */
export class TextColumn {
  #bytes: Buffer = NOTHING;
  /** Where each ends; none as long as all are empty. */
  #ends = new Uint32Array(0);
  #count = 0;

  get length(): number {
    return this.#count;
  }

  push(text: string): void {
    if (text === '' && this.#ends.length === 0) {
      this.#count++;
      return;
    }
    const from = this.#count === 0 ? 0 : (this.#ends[this.#count - 1] ?? 0);
    const end = from + Buffer.byteLength(text);
    if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, Math.max(end, FIRST_BYTES, this.#bytes.length * 2));
    if (this.#count >= this.#ends.length) {
      const ends = new Uint32Array(Math.max(FIRST_ENDS, this.#count * 2));
      ends.set(this.#ends);
      this.#ends = ends;
    }
    this.#bytes.write(text, from);
    this.#ends[this.#count++] = end;
  }

  /** @returns `''` beyond the last */
  at(index: number): string {
    if (index < 0 || index >= this.#count || this.#ends.length === 0) return '';
    const from = index === 0 ? 0 : (this.#ends[index - 1] as number);
    const end = this.#ends[index] as number;
    return from === end ? '' : this.#bytes.toString('utf8', from, end);
  }

  /** Give back the room for more; adding makes it again. */
  trim(): void {
    if (this.#ends.length === 0) return;
    this.#bytes = grown(this.#bytes, this.#ends[this.#count - 1] as number);
    this.#ends = this.#ends.slice(0, this.#count);
  }
}

/** A copy of a text that was cut out of a longer one: V8 would keep all of that as long as the cut lives. */
export function ownText(text: string): string {
  return text.length < CUT_LENGTH ? text : Buffer.from(text).toString();
}

/** Shorter cuts are copies anyway. Source: v8/src/objects/string.h, SlicedString::kMinLength. */
const CUT_LENGTH = 13;

function grown(bytes: Buffer, size: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(size);
  bytes.copy(larger);
  return larger;
}
