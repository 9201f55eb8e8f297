import { writeToStream } from 'mqtt-packet';

/** mqtt-packet keeps the encoded form of each remaining length below this, once it has occurred. */
const CACHED_LENGTHS = 16_384;
/** Remaining length of a QoS 0 publish without payload on a topic of one letter. */
const SHORTEST = 3;

/**
 * Keep mqtt-packet's caches from holding memory. A length that is cached is four bytes of the pool that Node.js cuts small buffers from, and keeps
 * alive all 64 KiB of it: over weeks, with packets of ever new sizes, up to 1 GiB. Filled in one go the lengths lie side by side, 2 MB with
 * their objects. The cache of 65,536 encoded numbers, 7 MB and slower to fill than all of this, is not used.
 * @source mqtt-packet 9.0.2, writeToStream.js (varByteIntCache, numCache)
 */
export function settlePacketCaches(): void {
  writeToStream.cacheNumbers = false;
  const payload = Buffer.alloc(CACHED_LENGTHS);
  // Of a stream the encoder uses nothing but this.
  const nowhere = { write: () => true } as unknown as NodeJS.WritableStream;
  for (let length = SHORTEST; length < CACHED_LENGTHS; length++) {
    const packet = { cmd: 'publish', topic: 'x', qos: 0, dup: false, retain: false } as const;
    writeToStream({ ...packet, payload: payload.subarray(0, length - SHORTEST) }, nowhere);
  }
}
