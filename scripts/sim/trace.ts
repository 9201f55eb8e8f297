import { crc32 } from 'node:zlib';

/** Lines that are kept to show how a failing life ended. */
const KEPT_LINES = 60;

/** What happened in a life, in order: as a hash that two runs of one seed must agree in, and its last lines. */
export class Trace {
  readonly #keepsAll: boolean;
  #lines: string[] = [];
  #low = 0;
  #high = 0x9e3779b9;
  count = 0;

  constructor(keepsAll: boolean) {
    this.#keepsAll = keepsAll;
  }

  add(timeMs: number, what: string): void {
    const line = `${timeMs.toFixed(3)} ${what}`;
    this.#low = crc32(line, this.#low);
    this.#high = (Math.imul(this.#high ^ this.#low, 0x85ebca6b) + this.count) >>> 0;
    this.count++;
    this.#lines.push(line);
    if (!this.#keepsAll && this.#lines.length > 2 * KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
  }

  get hash(): string {
    return `${this.#high.toString(16).padStart(8, '0')}${this.#low.toString(16).padStart(8, '0')}`;
  }

  /** All lines, or the last of them. */
  get lines(): readonly string[] {
    return this.#keepsAll ? this.#lines : this.#lines.slice(-KEPT_LINES);
  }
}
