/** Connections in a row without one confirmation after which batches get smaller: one of them may be what ends them. */
const FRUITLESS_CONNECTIONS = 2;

/** How far a link is trusted, by what its connections brought through: one that ends with something sent and nothing confirmed was fruitless. */
export class LinkTrust {
  #fruitless = 0;
  #hasSent = false;
  #hasConfirmed = false;

  /** A connection begins. */
  up(): void {
    this.#hasSent = false;
    this.#hasConfirmed = false;
  }

  sent(): void {
    this.#hasSent = true;
  }

  confirmed(): void {
    this.#hasConfirmed = true;
    if (this.#fruitless > 0) this.#fruitless--;
  }

  /** The connection has ended. @returns true: it was fruitless, as was the one before it */
  down(): boolean {
    if (!this.#hasSent || this.#hasConfirmed) return false;
    this.#fruitless++;
    return this.isDoubtful;
  }

  /** The last connections, or as many confirmations since, brought all through. */
  get isWhole(): boolean {
    return this.#fruitless === 0;
  }

  /** Batches go one at a time. */
  get isDoubtful(): boolean {
    return this.#fruitless >= FRUITLESS_CONNECTIONS;
  }

  /** So many times batches are halved. */
  get halvings(): number {
    return Math.max(0, this.#fruitless - FRUITLESS_CONNECTIONS + 1);
  }
}
