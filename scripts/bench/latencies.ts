/** Latencies and their quantiles, in ms. */
export class Latencies {
  readonly #values: number[] = [];

  add(ms: number): void {
    this.#values.push(ms);
  }

  /** null when there is none. */
  quantiles(): { readonly p50: number | null; readonly p99: number | null } {
    const sorted = Float64Array.from(this.#values).sort();
    const at = (share: number) =>
      sorted.length === 0 ? null : Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
    return { p50: at(0.5), p99: at(0.99) };
  }
}
