import { Writable } from 'node:stream';
import { writeToStream } from 'mqtt-packet';
import t from 'tap';
import { settlePacketCaches } from '../../src/system/mqtt-packet-cache.ts';

/** The buffers that hold a cached length of packets of so many bytes. */
function lengthBuffers(payloadBytes: readonly number[]): Set<ArrayBufferLike> {
  const slabs = new Set<ArrayBufferLike>();
  for (const bytes of payloadBytes) {
    // Other work takes from the pool in between.
    Buffer.allocUnsafe(32_000);
    const written: Buffer[] = [];
    const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
    stream.write = (chunk: Buffer) => written.push(chunk) > 0;
    writeToStream(
      { cmd: 'publish', topic: 'x', qos: 0, dup: false, retain: false, payload: Buffer.alloc(bytes) },
      stream,
    );
    const length = written.find((chunk) => Buffer.isBuffer(chunk) && chunk.length <= 4 && chunk.length > 1);
    if (length !== undefined) slabs.add(length.buffer);
  }
  return slabs;
}

t.test('packets of all sizes keep few buffers alive', async (t) => {
  settlePacketCaches();
  const slabs = lengthBuffers(Array.from({ length: 400 }, (_, i) => 200 + i * 40));
  t.ok(slabs.size > 0 && slabs.size <= 8, `${slabs.size} buffers behind 400 lengths`);
  const bytes = [...slabs].reduce((sum, slab) => sum + slab.byteLength, 0);
  t.ok(bytes < 1_048_576, `${bytes} bytes`);
});
