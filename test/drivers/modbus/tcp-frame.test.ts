import fc from 'fast-check';
import t from 'tap';
import { FramingError, readRequest } from '../../../src/drivers/modbus/frame.ts';
import { decodeReply, encodeFrame, FrameAssembler } from '../../../src/drivers/modbus/tcp-frame.ts';

const request = readRequest(17, { area: 'holding', offset: 0x6b, count: 2 });
const frame = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

t.test('encodes reads as the standard says', async (t) => {
  const table: [Parameters<typeof readRequest>[1], string][] = [
    [{ area: 'coil', offset: 0x13, count: 0x25 }, '0001 0000 0006 11 01 0013 0025'],
    [{ area: 'discrete', offset: 0xc4, count: 0x16 }, '0001 0000 0006 11 02 00c4 0016'],
    [{ area: 'holding', offset: 0x6b, count: 3 }, '0001 0000 0006 11 03 006b 0003'],
    [{ area: 'input', offset: 8, count: 1 }, '0001 0000 0006 11 04 0008 0001'],
  ];
  for (const [extent, bytes] of table)
    t.strictSame(Uint8Array.from(encodeFrame(1, readRequest(17, extent))), frame(bytes));
  t.strictSame(Uint8Array.from(encodeFrame(0xabcd, request).subarray(0, 2)), frame('abcd'));
});

t.test('takes a reply only if unit, function and both lengths are right', async (t) => {
  t.strictSame(decodeReply(frame('0001 0000 0007 11 03 04 01020304'), request), {
    exception: 0,
    data: frame('01020304'),
  });
  t.match(decodeReply(frame('0001 0000 0003 11 83 02'), request), { exception: 2 });
  t.match(decodeReply(frame('0001 0000 0003 11 83 0b'), request), { exception: 11 });
  const table: [string, string][] = [
    ['another unit', '0001 0000 0007 12 03 04 01020304'],
    ['an exception of another unit', '0001 0000 0003 12 83 02'],
    ['another function', '0001 0000 0007 11 04 04 01020304'],
    ['an exception of another function', '0001 0000 0003 11 84 02'],
    ['exception 0', '0001 0000 0003 11 83 00'],
    ['an exception with more behind it', '0001 0000 0004 11 83 0200'],
    ['fewer bytes announced', '0001 0000 0007 11 03 02 01020304'],
    ['fewer bytes sent', '0001 0000 0005 11 03 04 0102'],
    ['consistent, but too short', '0001 0000 0005 11 03 02 0102'],
    ['consistent, but too long', '0001 0000 0009 11 03 06 010203040506'],
    ['no byte count', '0001 0000 0003 11 03 04'],
  ];
  for (const [what, bytes] of table) t.throws(() => decodeReply(frame(bytes), request), { name: 'FramingError' }, what);
});

t.test('cuts the stream into frames wherever it is torn', async (t) => {
  const payloads = fc.array(fc.uint8Array({ minLength: 2, maxLength: 253 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 }), (pdus, cuts) => {
      const sent = pdus.map((pdu, i) => Buffer.from(encodeFrame(i, { unit: 1, pdu })));
      const stream = Buffer.concat(sent);
      const assembler = new FrameAssembler();
      const got: Buffer[] = [];
      let at = 0;
      for (let i = 0; at < stream.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? 1);
        assembler.push(stream.subarray(at, end), (bytes) => got.push(Buffer.from(bytes)));
        at = end;
      }
      return got.length === sent.length && got.every((bytes, i) => bytes.equals(sent[i] ?? Buffer.alloc(0)));
    }),
  );
  t.pass();
});

t.test('refuses a stream that is no Modbus TCP, and lengths that lie', async (t) => {
  const table: [string, string][] = [
    ['another protocol', '0001 0007 0007'],
    ['length 0', '0001 0000 0000'],
    ['a length without a reply in it', '0001 0000 0002'],
    ['a length past the longest frame', '0001 0000 00ff'],
    ['a length of 65535', '0001 0000 ffff'],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request').toString('hex')],
  ];
  for (const [what, bytes] of table) {
    t.throws(() => new FrameAssembler().push(frame(bytes), () => t.fail('a frame')), FramingError, what);
  }
});
