/** A closed range of sequences. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * A set of sequences as ascending, disjoint, non-adjacent ranges. Memory follows the number of holes, not of members; adding at the
 * end, which is the rule, costs O(1), elsewhere O(log n) and a splice.
 */
export class SequenceRanges {
  readonly #ranges: { first: number; last: number }[] = [];
  #count = 0;

  constructor(ranges: readonly Range[] = []) {
    for (const { first, last } of ranges) this.add(first, last);
  }

  /** How many sequences are in the set. */
  get count(): number {
    return this.#count;
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  has(sequence: number): boolean {
    const range = this.#ranges[this.#firstEndingAt(sequence)];
    return range !== undefined && range.first <= sequence;
  }

  /** The end of the range that holds a sequence; null: it is not in the set. */
  endFrom(sequence: number): number | null {
    const range = this.#ranges[this.#firstEndingAt(sequence)];
    return range !== undefined && range.first <= sequence ? range.last : null;
  }

  /** Add a closed range; what is already in it stays. Returns how many are new. */
  add(first: number, last: number): number {
    if (last < first) return 0;
    const before = this.#count;
    const start = this.#firstEndingAt(first - 1);
    let end = start;
    let [low, high] = [first, last];
    for (let range = this.#ranges[end]; range !== undefined && range.first <= last + 1; range = this.#ranges[++end]) {
      low = Math.min(low, range.first);
      high = Math.max(high, range.last);
      this.#count -= range.last - range.first + 1;
    }
    this.#ranges.splice(start, end - start, { first: low, last: high });
    this.#count += high - low + 1;
    return this.#count - before;
  }

  /** Take a closed range out. */
  remove(first: number, last: number): void {
    if (last < first) return;
    const start = this.#firstEndingAt(first);
    let end = start;
    const rest: { first: number; last: number }[] = [];
    for (let range = this.#ranges[end]; range !== undefined && range.first <= last; range = this.#ranges[++end]) {
      this.#count -= range.last - range.first + 1;
      if (range.first < first) rest.push({ first: range.first, last: first - 1 });
      if (range.last > last) rest.push({ first: last + 1, last: range.last });
    }
    for (const range of rest) this.#count += range.last - range.first + 1;
    this.#ranges.splice(start, end - start, ...rest);
  }

  /** What of a closed range is not in the set, ascending. */
  missing(first: number, last: number): Range[] {
    const holes: Range[] = [];
    let next = first;
    for (let i = this.#firstEndingAt(first); i < this.#ranges.length && next <= last; i++) {
      const range = this.#ranges[i];
      if (range === undefined || range.first > last) break;
      if (range.first > next) holes.push({ first: next, last: range.first - 1 });
      next = range.last + 1;
    }
    if (next <= last) holes.push({ first: next, last });
    return holes;
  }

  /** Index of the first range whose end is at or after the sequence. */
  #firstEndingAt(sequence: number): number {
    let low = 0;
    let high = this.#ranges.length;
    if (high > 0 && (this.#ranges[high - 1]?.last ?? 0) < sequence) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.last ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
