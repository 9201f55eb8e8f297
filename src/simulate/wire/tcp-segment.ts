/** The TCP part of a packet. */
export interface TcpSegment {
  /** `10.0.0.5:502`, `[2001:db8::1]:502`. */
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  readonly isSyn: boolean;
  readonly isEnd: boolean;
  readonly payload: Uint8Array;
}

const LINK_NULL = 0;
const LINK_ETHERNET = 1;
const LINK_RAW = 101;
const LINK_LINUX_SLL = 113;
const LINK_IPV4 = 228;
const LINK_IPV6 = 229;
const LINK_LINUX_SLL2 = 276;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = new Set([0x8100, 0x88a8, 0x9100]);
const PROTOCOL_TCP = 6;

/**
 * The TCP segment in a captured packet.
 * @returns null for whatever is no whole, unfragmented TCP over IP
 * @source RFC 791, RFC 8200, RFC 9293; LINKTYPE_ numbers of tcpdump.org
 */
export function tcpSegment(linkType: number, bytes: Uint8Array): TcpSegment | null {
  const packet = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    const at = networkLayer(linkType, packet);
    if (at === null) return null;
    return packet.readUInt8(at) >> 4 === 4 ? fromIpv4(packet, at) : fromIpv6(packet, at);
  } catch (error) {
    // Cut off by the capture's snapshot length.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Where the IP header begins; null for other protocols. */
function networkLayer(linkType: number, packet: Buffer): number | null {
  switch (linkType) {
    case LINK_ETHERNET: {
      let at = 12;
      while (ETHERTYPE_VLAN.has(packet.readUInt16BE(at))) at += 4;
      return isIp(packet.readUInt16BE(at)) ? at + 2 : null;
    }
    case LINK_LINUX_SLL:
      return isIp(packet.readUInt16BE(14)) ? 16 : null;
    case LINK_LINUX_SLL2:
      return isIp(packet.readUInt16BE(0)) ? 20 : null;
    case LINK_NULL:
      return 4;
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6:
      return 0;
    default:
      return null;
  }
}

function isIp(etherType: number): boolean {
  return etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6;
}

function fromIpv4(packet: Buffer, at: number): TcpSegment | null {
  const headerBytes = (packet.readUInt8(at) & 15) * 4;
  const isFragment = (packet.readUInt16BE(at + 6) & 0x3fff) !== 0;
  if (packet.readUInt8(at + 9) !== PROTOCOL_TCP || isFragment) return null;
  const address = (from: number) => packet.subarray(from, from + 4).join('.');
  // A total length of 0 is left to the network card to fill in (segmentation offload).
  const total = packet.readUInt16BE(at + 2);
  const end = total === 0 ? packet.length : at + total;
  return segment(packet, at + headerBytes, end, [address(at + 12), address(at + 16)]);
}

function fromIpv6(packet: Buffer, at: number): TcpSegment | null {
  if (packet.readUInt8(at) >> 4 !== 6 || packet.readUInt8(at + 6) !== PROTOCOL_TCP) return null;
  const address = (from: number) => {
    const groups = Array.from({ length: 8 }, (_, i) => packet.readUInt16BE(from + i * 2).toString(16));
    return `[${groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::')}]`;
  };
  return segment(packet, at + 40, at + 40 + packet.readUInt16BE(at + 4), [address(at + 8), address(at + 24)]);
}

function segment(packet: Buffer, at: number, end: number, [source, target]: [string, string]): TcpSegment | null {
  const begin = at + (packet.readUInt8(at + 12) >> 4) * 4;
  const flags = packet.readUInt8(at + 13);
  if (begin > end || end > packet.length) return null;
  const fromPort = packet.readUInt16BE(at);
  const toPort = packet.readUInt16BE(at + 2);
  return {
    from: `${source}:${fromPort}`,
    to: `${target}:${toPort}`,
    fromPort,
    toPort,
    sequence: packet.readUInt32BE(at + 4),
    isSyn: (flags & 0x02) !== 0,
    isEnd: (flags & 0x05) !== 0,
    payload: packet.subarray(begin, end),
  };
}
