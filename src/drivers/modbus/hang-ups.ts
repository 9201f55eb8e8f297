/**
 * Whether a peer closes its connections behind the first answer, as some device servers do. What is sent on such a connection after the first
 * request is lost: a read can be sent again, a write cannot.
 */
export class HangUps {
  #isUsual = false;
  /** On the present connection. */
  #requests = 0;
  #answers = 0;

  /** The last connection that the peer closed had brought one answer, and none since has brought more: a connection is for one request. */
  get isUsual(): boolean {
    return this.#isUsual;
  }

  /** It does so, and the present connection has had its request. */
  get isUsedUp(): boolean {
    return this.#isUsual && this.#requests > 0;
  }

  opened(): void {
    this.#requests = 0;
    this.#answers = 0;
  }

  asked(): void {
    this.#requests++;
  }

  answered(): void {
    if (++this.#answers > 1) this.#isUsual = false;
  }

  /** The peer has closed the connection. */
  closed(): void {
    if (this.#answers === 1) this.#isUsual = true;
  }
}
