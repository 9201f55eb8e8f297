import { encodeCbor } from '../model/event-codec.ts';
import type { TagList } from '../model/telemetry.ts';
import { type Compression, compress } from './compression.ts';

/** A list of so many tags is a frame of its own, the same in every batch; smaller ones are compressed together. */
const OWN_FRAME_TAGS = 1_000;
/** What is kept, before compression: a plant's groups recur in the same few combinations. */
const KEPT_BYTES = 16_777_216;
const KEPT_FRAMES = 256;

interface KeptFrame {
  readonly frame: Promise<Uint8Array>;
  /** Before compression. */
  readonly bytes: number;
}

/** Tag lists, encoded and compressed once for all the batches that carry them; the least recently used are let go. */
export class ListFrames {
  readonly #compression: Compression;
  readonly #kept = new Map<string, KeptFrame>();
  #bytes = 0;

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** The items of a CBOR array of these lists, without its head: frames that decompress to them, one after the other. */
  async of(lists: readonly TagList[]): Promise<Uint8Array> {
    const large = lists.filter(({ names }) => names.length >= OWN_FRAME_TAGS);
    const small = lists.filter(({ names }) => names.length < OWN_FRAME_TAGS);
    const sets = [...large.map((list) => [list]), ...(small.length > 0 ? [small] : [])];
    return Buffer.concat(await Promise.all(sets.map((set) => this.#frame(set))));
  }

  #frame(set: readonly TagList[]): Promise<Uint8Array> {
    const key = set.map(({ id }) => id).join();
    const kept = this.#kept.get(key) ?? this.#make(set);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= KEPT_BYTES && this.#kept.size <= KEPT_FRAMES) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes;
    }
    return kept.frame;
  }

  #make(set: readonly TagList[]): KeptFrame {
    const bytes = Buffer.concat(set.map(encodeCbor));
    this.#bytes += bytes.length;
    return { frame: compress(bytes, this.#compression), bytes: bytes.length };
  }
}
