import { Writable } from 'node:stream';
import t from 'tap';
import { settlePacketCaches } from '../../src/system/mqtt-packet-cache.ts';

// As in the gateway: what uses mqtt-packet is loaded afterwards.
settlePacketCaches();
const { parser, writeToStream } = await import('mqtt-packet');

/** What is written for a packet whose remaining length is this. */
function written(remainingLength: number): Buffer[] {
  // Other work takes from the pool in between.
  Buffer.allocUnsafe(32_000);
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
  const raw: (Buffer | string)[] = [];
  stream.write = (chunk: Buffer | string) => raw.push(chunk) > 0;
  const payload = Buffer.alloc(remainingLength - 3);
  writeToStream({ cmd: 'publish', topic: 'x', qos: 0, dup: false, retain: false, payload }, stream);
  return raw.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
}

t.test('packets of all sizes keep few buffers alive', async (t) => {
  const slabs = new Set<ArrayBufferLike>();
  for (let i = 0; i < 400; i++) {
    const length = written(200 + i * 40).find((chunk) => chunk.length === 2);
    if (length !== undefined) slabs.add(length.buffer);
  }
  t.equal(slabs.size, 1, 'behind 400 lengths');
  const bytes = [...slabs].reduce((sum, slab) => sum + slab.byteLength, 0);
  t.ok(bytes < 65_536, `${bytes} bytes`);
});

t.test('packets of all sizes are read as they were written, also again', async (t) => {
  const lengths = [3, 4, 126, 127, 128, 129, 255, 256, 16_382, 16_383, 16_384, 16_385, 2_097_151, 2_097_152];
  for (const length of [...lengths, ...lengths]) {
    const reader = parser();
    const sizes: number[] = [];
    reader.on('packet', (packet) => sizes.push((packet as { payload: Buffer }).payload.length));
    reader.parse(Buffer.concat(written(length)));
    t.same(sizes, [length - 3], `remaining length ${length}`);
  }
});
