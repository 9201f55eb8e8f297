import fc from 'fast-check';
import t from 'tap';
import { asciiCodec } from '../../../src/drivers/modbus/ascii-frame.ts';
import { type ModbusRequest, readRequest } from '../../../src/drivers/modbus/frame.ts';
import { rtuCodec } from '../../../src/drivers/modbus/rtu-frame.ts';
import type { SerialCodec } from '../../../src/drivers/modbus/serial-frame.ts';
import { asciiFrame, rtuFrame } from '../../support/serial-unit-server.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const request = readRequest(17, { area: 'holding', offset: 0x6b, count: 2 });
const answer = hex('03 04 01020304');
const codecs: [string, SerialCodec, typeof rtuFrame][] = [
  ['RTU', rtuCodec, rtuFrame],
  ['ASCII', asciiCodec, asciiFrame],
];

t.test('encodes requests as the standard says', async (t) => {
  // Modbus over Serial Line V1.02 and the examples of the application protocol, §6.3.
  t.strictSame(
    Buffer.from(rtuCodec.encode(readRequest(17, { area: 'holding', offset: 0x6b, count: 3 }))),
    hex('11 03 006b 0003 7687'),
  );
  t.strictSame(
    Buffer.from(rtuCodec.encode(readRequest(2, { area: 'coil', offset: 0, count: 7 }))).subarray(0, 6),
    hex('02 01 0000 0007'),
  );
  t.equal(
    Buffer.from(asciiCodec.encode(readRequest(17, { area: 'holding', offset: 0x6b, count: 3 }))).toString(),
    ':1103006B00037E\r\n',
  );
});

for (const [name, codec, frame] of codecs) {
  t.test(
    `${name}: takes the answer, an exception, and what a line driver or another unit puts before them`,
    async (t) => {
      const honest = frame(17, answer);
      t.match(codec.scan(honest, request), { kind: 'reply', reply: { exception: 0, data: hex('01020304') }, rest: 0 });
      t.match(codec.scan(frame(17, hex('83 02')), request), { kind: 'reply', reply: { exception: 2 } });
      t.match(codec.scan(Buffer.concat([Buffer.from([0, 0xff, 0]), honest]), request), { kind: 'reply' });
      t.match(codec.scan(Buffer.concat([frame(9, answer), honest]), request), { kind: 'reply', strays: 1 });
      t.match(codec.scan(Buffer.concat([honest, honest]), request), { kind: 'reply', rest: honest.length });
    },
  );

  t.test(`${name}: waits for more wherever an answer is cut`, async (t) => {
    const honest = frame(17, answer);
    for (let length = 0; length < honest.length; length++) {
      t.equal(codec.scan(honest.subarray(0, length), request).kind, 'more', `${length} bytes`);
    }
  });

  t.test(`${name}: takes nothing that is not the answer`, async (t) => {
    const damaged = frame(17, answer);
    damaged[5] = (damaged[5] ?? 0) ^ 0x01;
    const table: [string, Buffer, 'broken' | 'more'][] = [
      ['a damaged answer', damaged, 'broken'],
      ['another function', frame(17, hex('04 04 01020304')), 'broken'],
      ['an exception of another function', frame(17, hex('84 02')), 'broken'],
      ['exception 0', frame(17, hex('83 00')), 'broken'],
      ['fewer bytes announced', frame(17, hex('03 02 01020304')), 'broken'],
      ['consistent, but too short', frame(17, hex('03 02 0102')), 'broken'],
      ['consistent, but too long', frame(17, hex('03 06 010203040506')), 'broken'],
      ['another unit alone', frame(18, answer), 'more'],
      ['an exception of another unit', frame(18, hex('83 02')), 'more'],
    ];
    for (const [what, bytes, kind] of table) t.equal(codec.scan(bytes, request).kind, kind, what);
  });

  t.test(`${name}: no damage of one byte is taken for another value`, async (t) => {
    const honest = frame(17, answer);
    for (let at = 0; at < honest.length; at++) {
      for (let mask = 1; mask < 256; mask++) {
        const bytes = Buffer.from(honest);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        const found = codec.scan(bytes, request);
        if (found.kind === 'reply' && !Buffer.from(found.reply.data).equals(hex('01020304'))) {
          t.fail(`byte ${at} with ${mask}`);
        }
      }
    }
    t.pass();
  });

  t.test(`${name}: a write is confirmed by its own echo only`, async (t) => {
    const pdu = hex('06 0001 0003');
    const write: ModbusRequest = { unit: 17, pdu, reply: { kind: 'echo', pdu } };
    t.equal(codec.scan(frame(17, pdu), write).kind, 'reply');
    t.equal(codec.scan(frame(17, hex('06 0001 0004')), write).kind, 'broken');
    t.match(codec.scan(frame(17, hex('86 02')), write), { kind: 'reply', reply: { exception: 2 } });
  });

  t.test(`${name}: finds the end of an identification, also where the count of objects is wrong`, async (t) => {
    const ask: ModbusRequest = { unit: 17, pdu: hex('2b 0e 01 00'), reply: { kind: 'identification' } };
    for (const count of ['02', '05']) {
      const whole = frame(17, hex(`2b 0e 01 01 00 00 ${count} 00 02 4142 01 03 434445`));
      t.equal(codec.scan(whole, ask).kind, 'reply', `count ${count}`);
      for (let length = 0; length < whole.length; length++) {
        t.equal(codec.scan(whole.subarray(0, length), ask).kind, 'more', `count ${count}, ${length} bytes`);
      }
    }
  });
}

t.test('RTU: no damage of up to three bits is taken for another value', async (t) => {
  // What the checksum promises for frames of this length; a sixty-five-thousandth of larger damage passes any checksum of 16 bits.
  const honest = rtuFrame(17, answer);
  const bits = fc.uniqueArray(fc.nat(honest.length * 8 - 1), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(bits, (flipped) => {
      const bytes = Buffer.from(honest);
      for (const bit of flipped) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const found = rtuCodec.scan(bytes, request);
      return found.kind !== 'reply' || Buffer.from(found.reply.data).equals(hex('01020304'));
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('RTU: bytes that are no frame are given up at once', async (t) => {
  t.match(rtuCodec.scan(Buffer.alloc(300, 0xa5), request), { kind: 'broken', isWhole: false });
  t.match(rtuCodec.scan(Buffer.from('HTTP/1.1 400'), request), { kind: 'broken' });
});

t.test('ASCII: a colon begins anew, and a frame without an end is given up', async (t) => {
  const honest = asciiFrame(17, answer);
  t.equal(asciiCodec.scan(Buffer.concat([honest.subarray(0, 7), honest]), request).kind, 'reply');
  t.equal(asciiCodec.scan(Buffer.from(`:${'0'.repeat(600)}`), request).kind, 'broken');
});
