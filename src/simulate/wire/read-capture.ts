import type { EpochMs } from '../../model/time.ts';
import { MbapSplitter } from '../mbap.ts';
import { capturedPackets } from './capture-file.ts';
import { StreamAssembler } from './stream-assembler.ts';
import { type TcpSegment, tcpSegment } from './tcp-segment.ts';
import type { WireFrame, WireRecording } from './wire-frame.ts';

/** One direction of a connection. */
interface Direction {
  readonly stream: StreamAssembler;
  readonly splitter: MbapSplitter;
}

interface Connection {
  readonly number: number;
  readonly toServer: Direction;
  readonly toClient: Direction;
}

/**
 * The Modbus TCP traffic of a capture: a recording for each server endpoint, busiest first.
 * @param ports TCP ports that Modbus servers listen on
 * @throws WIRE_UNREADABLE the file is no capture
 */
export function readCapture(file: Buffer, path: string, ports: ReadonlySet<number> = new Set([502])): WireRecording[] {
  const connections = new Map<string, Connection>();
  const frames = new Map<string, WireFrame[]>();
  let began: EpochMs | null = null;
  for (const { time, linkType, bytes } of capturedPackets(file, path)) {
    const segment = tcpSegment(linkType, bytes);
    if (segment === null || (segment.payload.length === 0 && !segment.isSyn)) continue;
    const isRequest = isToServer(segment, ports);
    if (isRequest === null) continue;
    began ??= time;
    const [server, client] = isRequest ? [segment.to, segment.from] : [segment.from, segment.to];
    const key = `${server} ${client}`;
    const connection = connections.get(key) ?? newConnection(connections.size);
    connections.set(key, connection);
    const { stream, splitter } = isRequest ? connection.toServer : connection.toClient;
    if (segment.isSyn) {
      stream.begin(segment.sequence);
      splitter.reset();
      continue;
    }
    const list = frames.get(server) ?? [];
    frames.set(server, list);
    for (const chunk of stream.push(time, segment.sequence, segment.payload)) {
      if (chunk.isAfterLoss) splitter.reset();
      const atMs = chunk.time - began;
      splitter.push(chunk.bytes, (frame) =>
        list.push({ atMs, isRequest, connection: connection.number, bytes: Buffer.from(frame) }),
      );
    }
  }
  const start = began === null ? null : new Date(began).toISOString();
  return [...frames]
    .filter(([, list]) => list.length > 0)
    .map(([server, list]): WireRecording => {
      list.sort((a, b) => a.atMs - b.atMs);
      return { link: `tcp://${server}`, framing: 'tcp', began: start, frames: list };
    })
    .sort((a, b) => b.frames.length - a.frames.length);
}

/** Which side serves: the one at a Modbus port; with both at one (a server that asks another), the lower port number. */
function isToServer({ fromPort, toPort }: TcpSegment, ports: ReadonlySet<number>): boolean | null {
  const isTo = ports.has(toPort);
  const isFrom = ports.has(fromPort);
  if (isTo && isFrom) return toPort <= fromPort;
  return isTo || isFrom ? isTo : null;
}

function newConnection(number: number): Connection {
  const direction = (): Direction => ({ stream: new StreamAssembler(), splitter: new MbapSplitter() });
  return { number, toServer: direction(), toClient: direction() };
}
