/** The counters and gauges of a process. Names are `snake_case`, counters end in `_total`. */
export class Metrics {
  readonly #counters = new Map<string, number>();
  readonly #gauges = new Map<string, () => number>();

  /** Raise a counter. */
  add(name: string, count = 1): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + count);
  }

  /** Name a value that is read when somebody looks. */
  gauge(name: string, read: () => number): void {
    this.#gauges.set(name, read);
  }

  /** Every counter and gauge now, by name. */
  snapshot(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const name of [...this.#counters.keys()].sort()) all[name] = this.#counters.get(name) ?? 0;
    for (const [name, read] of this.#gauges) all[name] = read();
    return all;
  }
}
