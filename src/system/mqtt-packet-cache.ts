import { createRequire } from 'node:module';

/** mqtt-packet keeps the encoded form of each remaining length below this, once it has occurred. */
const CACHED_LENGTHS = 16_384;
/** Lengths below this take one byte, the others two. Source: MQTT 3.1.1 §2.2.3. */
const FIRST_OF_TWO_BYTES = 128;

interface Numbers {
  genBufVariableByteInt(length: number): Buffer;
}

/**
 * Keep mqtt-packet's caches from holding memory. A length that is cached is four bytes of the pool that Node.js cuts small buffers from, and keeps
 * alive all 64 KiB of it: over weeks, with packets of ever new sizes, up to 1 GiB. Here they are cut from one buffer of 32 KB. The cache of
 * 65,536 encoded numbers, 7 MB and slower to fill than all of this, is not used. Called before anything else loads mqtt-packet, which looks its
 * functions up once.
 * @source mqtt-packet 9.0.2, writeToStream.js (varByteIntCache, numCache), numbers.js
 */
export function settlePacketCaches(): void {
  const require = createRequire(import.meta.url);
  const numbers: Numbers = require('mqtt-packet/numbers.js');
  const lengths = Buffer.allocUnsafeSlow(2 * CACHED_LENGTHS - FIRST_OF_TWO_BYTES);
  const encode = numbers.genBufVariableByteInt;
  numbers.genBufVariableByteInt = (length) => {
    if (!(length >= 0 && length < CACHED_LENGTHS)) return encode(length);
    if (length < FIRST_OF_TWO_BYTES) {
      lengths[length] = length;
      return lengths.subarray(length, length + 1);
    }
    const at = 2 * length - FIRST_OF_TWO_BYTES;
    lengths[at] = (length & 0x7f) | 0x80;
    lengths[at + 1] = length >>> 7;
    return lengths.subarray(at, at + 2);
  };
  const { writeToStream } = require('mqtt-packet');
  writeToStream.cacheNumbers = false;
}
