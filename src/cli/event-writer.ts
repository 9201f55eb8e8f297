import type { FoundEvents } from './stored-events.ts';

/** Turns found events into the bytes of a file, page by page. */
export interface EventWriter {
  /** What comes before everything else. */
  begin(): Uint8Array | string;
  add(found: FoundEvents): Promise<Uint8Array | string>;
  /** The rest, in pieces. */
  end(): AsyncIterable<Uint8Array | string>;
}
