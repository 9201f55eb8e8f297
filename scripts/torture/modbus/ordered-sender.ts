/** A stream keeps its order: while one answer trickles out, what is sent after it waits. */
export class OrderedSender {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #waiting: Uint8Array[] = [];
  #isTrickling = false;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  send(bytes: Uint8Array): void {
    if (this.#isTrickling) this.#waiting.push(bytes);
    else this.#write(bytes);
  }

  /** Byte by byte. @param gapMs between two; 0: in the next turn of the event loop */
  trickle(bytes: Uint8Array, gapMs: number): void {
    if (this.#isTrickling) {
      this.#waiting.push(bytes);
      return;
    }
    this.#isTrickling = true;
    let at = 0;
    const step = () => {
      if (at < bytes.length) {
        this.#write(bytes.subarray(at, ++at));
        if (gapMs === 0) setImmediate(step);
        else setTimeout(step, gapMs).unref();
        return;
      }
      this.#isTrickling = false;
      for (const next of this.#waiting.splice(0)) this.#write(next);
    };
    step();
  }
}
