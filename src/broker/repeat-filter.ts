/**
 * Acceptances by the publisher's own identity of the message, so that a repeat shares the first one's outcome. Remembers the
 * latest `limit`; a failed one is forgotten at once and may be tried again.
 */
export class RepeatFilter {
  readonly #accepted = new Map<string, Promise<void>>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True while the identity is remembered. */
  has(identity: string): boolean {
    return this.#accepted.has(identity);
  }

  /** Accept by `accept` unless the identity was or is being accepted; resolves when it is. */
  once(identity: string, accept: () => Promise<void>): Promise<void> {
    const known = this.#accepted.get(identity);
    if (known !== undefined) return known;
    const accepting = accept();
    this.#accepted.set(identity, accepting);
    if (this.#accepted.size > this.#limit) {
      const [oldest] = this.#accepted.keys();
      if (oldest !== undefined) this.#accepted.delete(oldest);
    }
    accepting.catch(() => this.#accepted.delete(identity));
    return accepting;
  }

  /** The identity may be used again for another message. */
  forget(identity: string): void {
    this.#accepted.delete(identity);
  }
}
