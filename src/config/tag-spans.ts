import type { TagSpan } from './component-spec.ts';

/** The places of values in one memory of a device, as columns: there may be tens of thousands. */
export class Spans {
  readonly #from: number[] = [];
  readonly #count: number[] = [];
  readonly #owner: number[] = [];

  /** @param owner a number by which the value is known again */
  add({ from, count }: Pick<TagSpan, 'from' | 'count'>, owner: number): void {
    this.#from.push(from);
    this.#count.push(count);
    this.#owner.push(owner);
  }

  /** The owners of values that share registers without being the same ones: each with the one before it in the device. */
  overlaps(): [later: number, earlier: number][] {
    const found: [number, number][] = [];
    const fromOf = (span: number) => this.#from[span] as number;
    const countOf = (span: number) => this.#count[span] as number;
    const ownerOf = (span: number) => this.#owner[span] as number;
    let widest: number | null = null;
    for (const span of [...this.#from.keys()].sort((a, b) => fromOf(a) - fromOf(b) || countOf(b) - countOf(a))) {
      const from = fromOf(span);
      const count = countOf(span);
      const end = widest === null ? 0 : fromOf(widest) + countOf(widest);
      const isSame = widest !== null && fromOf(widest) === from && countOf(widest) === count;
      if (widest !== null && !isSame && from < end) found.push([ownerOf(span), ownerOf(widest)]);
      if (widest === null || from + count > end) widest = span;
    }
    return found;
  }
}
