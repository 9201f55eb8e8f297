import type { EpochMs } from '../../model/time.ts';

/** Segments that came before an earlier one; beyond that the earlier one is taken as not captured. */
const MAX_EARLY = 32;
const WRAP = 2 ** 32;

/** Bytes of one direction of a TCP connection, in order. */
export interface StreamChunk {
  readonly time: EpochMs;
  readonly bytes: Uint8Array;
  /** Bytes before these were not captured. */
  readonly isAfterLoss: boolean;
}

/** Puts the segments of one direction of a TCP connection into order: repeats dropped, early ones held, losses told. */
export class StreamAssembler {
  #next: number | null = null;
  #early: { readonly sequence: number; readonly time: EpochMs; readonly bytes: Uint8Array }[] = [];

  /** The connection begins anew at this sequence number. */
  begin(sequence: number): void {
    this.#next = (sequence + 1) % WRAP;
    this.#early = [];
  }

  /** Take a segment with payload; what is in order now is given out. */
  *push(time: EpochMs, sequence: number, bytes: Uint8Array): Generator<StreamChunk> {
    this.#next ??= sequence;
    this.#early.push({ sequence, time, bytes });
    yield* this.#inOrder();
    if (this.#early.length <= MAX_EARLY) return;
    this.#early.sort((a, b) => distance(this.#next ?? 0, a.sequence) - distance(this.#next ?? 0, b.sequence));
    const first = this.#early[0];
    if (first === undefined) return;
    this.#next = first.sequence;
    yield* this.#inOrder(true);
  }

  *#inOrder(isAfterLoss = false): Generator<StreamChunk> {
    for (let lost = isAfterLoss; ; lost = false) {
      const at = this.#early.findIndex(({ sequence }) => distance(this.#next ?? 0, sequence) <= 0);
      const [found] = at < 0 ? [] : this.#early.splice(at, 1);
      if (found === undefined) return;
      const known = -distance(this.#next ?? 0, found.sequence);
      if (known >= found.bytes.length) continue;
      this.#next = (found.sequence + found.bytes.length) % WRAP;
      yield { time: found.time, bytes: found.bytes.subarray(known), isAfterLoss: lost };
    }
  }
}

/** How far `to` is ahead of `from`, over the wrap; negative when it is behind. */
function distance(from: number, to: number): number {
  const ahead = (to - from + WRAP) % WRAP;
  return ahead >= WRAP / 2 ? ahead - WRAP : ahead;
}
