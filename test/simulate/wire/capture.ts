/** Makes capture files for tests, byte by byte. */

interface MadeSegment {
  readonly atMs: number;
  readonly from: readonly [address: string, port: number];
  readonly to: readonly [address: string, port: number];
  readonly sequence: number;
  readonly payload: Buffer;
  readonly flags?: number;
}

/** A Modbus TCP frame. */
export function mbap(transaction: number, unit: number, pdu: string): Buffer {
  const body = Buffer.from(pdu, 'hex');
  const frame = Buffer.alloc(7);
  frame.writeUInt16BE(transaction, 0);
  frame.writeUInt16BE(body.length + 1, 4);
  frame.writeUInt8(unit, 6);
  return Buffer.concat([frame, body]);
}

/** A segment as an Ethernet packet; `vlan` puts a tag before the type. */
function ethernet({ from, to, sequence, payload, flags = 0x18 }: MadeSegment, vlan = false): Buffer {
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(from[1], 0);
  tcp.writeUInt16BE(to[1], 2);
  tcp.writeUInt32BE(sequence, 4);
  tcp.writeUInt8(5 << 4, 12);
  tcp.writeUInt8(flags, 13);
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(40 + payload.length, 2);
  ip.writeUInt8(6, 9);
  ip.set(from[0].split('.').map(Number), 12);
  ip.set(to[0].split('.').map(Number), 16);
  const type = Buffer.from(vlan ? '8100000a0800' : '0800', 'hex');
  // Ethernet pads short frames: the padding is no payload.
  const padding = Buffer.alloc(Math.max(0, 46 - 40 - payload.length));
  return Buffer.concat([Buffer.alloc(12), type, ip, tcp, payload, padding]);
}

export function pcap(
  segments: readonly MadeSegment[],
  options: { nano?: boolean; big?: boolean; vlan?: boolean } = {},
) {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (options.big === true) bytes.writeUInt32BE(value >>> 0);
    else bytes.writeUInt32LE(value >>> 0);
    return bytes;
  };
  const head = [u32(options.nano === true ? 0xa1b23c4d : 0xa1b2c3d4), Buffer.alloc(12), u32(65_535), u32(1)];
  const packets = segments.flatMap((segment) => {
    const bytes = ethernet(segment, options.vlan);
    const fraction = (segment.atMs % 1_000) * (options.nano === true ? 1e6 : 1e3);
    return [u32(Math.floor(segment.atMs / 1_000)), u32(fraction), u32(bytes.length), u32(bytes.length), bytes];
  });
  return Buffer.concat([...head, ...packets]);
}

export function pcapNg(segments: readonly MadeSegment[]): Buffer {
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(padded.length + 12, 4);
    const tail = Buffer.alloc(4);
    tail.writeUInt32LE(padded.length + 12);
    return Buffer.concat([head, padded, tail]);
  };
  const section = Buffer.alloc(16, 0xff);
  section.writeUInt32LE(0x1a2b3c4d, 0);
  section.writeUInt32LE(1, 4);
  // Ethernet, with the option if_tsresol = 9: nanoseconds.
  const description = Buffer.from('0100000000000400090001000900000000000000', 'hex');
  const packets = segments.map((segment) => {
    const bytes = ethernet(segment);
    const head = Buffer.alloc(20);
    const time = BigInt(Math.round(segment.atMs * 1e6));
    head.writeUInt32LE(Number(time >> 32n), 4);
    head.writeUInt32LE(Number(time & 0xffffffffn), 8);
    head.writeUInt32LE(bytes.length, 12);
    head.writeUInt32LE(bytes.length, 16);
    return block(6, Buffer.concat([head, bytes]));
  });
  return Buffer.concat([block(0x0a0d0d0a, section), block(1, description), ...packets]);
}

const MASTER = ['10.0.0.9', 40_000] as const;
const SERVER = ['10.0.0.5', 502] as const;

/** A conversation of one master with one server: each step what is sent, by whom, when. */
export function conversation(steps: readonly (readonly [atMs: number, by: 'q' | 'a', bytes: Buffer])[]): MadeSegment[] {
  const next = { q: 1_000, a: 4_294_967_290 };
  return steps.map(([atMs, by, payload]) => {
    const sequence = next[by];
    next[by] = (sequence + payload.length) % 2 ** 32;
    return by === 'q'
      ? { atMs, from: MASTER, to: SERVER, sequence, payload }
      : { atMs, from: SERVER, to: MASTER, sequence, payload };
  });
}
