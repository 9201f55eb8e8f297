import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ModbusConfig } from '../../../src/drivers/modbus/config.ts';
import { framed } from '../../../test/support/modbus-server.ts';
import { Pty } from '../../../test/support/pty.ts';
import { SerialUnitServer } from '../../../test/support/serial-unit-server.ts';
import type { HostileRequest, HostileUnit } from './hostile-unit.ts';
import { OrderedSender } from './ordered-sender.ts';

/** Where a hostile unit can be reached. */
export interface HostilePlace {
  readonly config: ModbusConfig;
  /** Pull the plug and put it in again; only a serial port has one. */
  readonly replug: (() => Promise<void>) | null;
  close(): Promise<void>;
}

/** The units that every place has. */
export const UNITS = [1, 2, 3];

export interface PlaceTimes {
  readonly timeoutMs: number;
  readonly lateReplyMs: number;
}

const common = ({ timeoutMs }: PlaceTimes) => ({
  ...{ name: 'hostile', timeout_ms: timeoutMs, retries: 0 },
  ...{ reconnect_min_ms: 50, reconnect_max_ms: 100 },
});

/** Over TCP with transaction numbers. */
export async function tcpPlace(unit: HostileUnit, times: PlaceTimes, maxInFlight: number): Promise<HostilePlace> {
  const listener = await listen((socket) => {
    const link = linkOf(socket);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 12) {
        const transaction = rest.readUInt16BE(0);
        const pdu = rest.subarray(7, 12);
        unit.take({
          ...{ unit: rest[6] ?? 0, pdu, frame: (of, data) => framed(transaction, of, data) },
          ...link,
        });
        rest = rest.subarray(12);
      }
    });
  });
  return {
    config: {
      ...{ ...common(times), driver: 'modbus-tcp', host: '127.0.0.1', port: listener.port },
      max_in_flight: maxInFlight,
    },
    replug: null,
    close: listener.close,
  };
}

/** Behind a serial device server. */
export async function linePlace(unit: HostileUnit, times: PlaceTimes, framing: 'rtu' | 'ascii'): Promise<HostilePlace> {
  const listener = await listen((socket) => {
    const link = linkOf(socket);
    const line = lineOf(unit, framing, link);
    socket.on('data', (chunk: Buffer) => line.receive(chunk, link.send));
  });
  const socket = { ...common(times), host: '127.0.0.1', port: listener.port, late_reply_ms: times.lateReplyMs };
  return {
    config: { ...socket, driver: framing === 'rtu' ? 'modbus-rtu-tcp' : 'modbus-ascii-tcp' },
    replug: null,
    close: listener.close,
  };
}

/** On a pseudo terminal. */
export async function ptyPlace(unit: HostileUnit, times: PlaceTimes, framing: 'rtu' | 'ascii'): Promise<HostilePlace> {
  const pty = await Pty.open();
  const sender = new OrderedSender((bytes) => pty.write(bytes));
  const link: Link = { ...methodsOf(sender), end: () => {} };
  const line = lineOf(unit, framing, link);
  pty.onData = (chunk) => line.receive(chunk, link.send);
  const serial = { ...common(times), path: pty.path, baud_rate: 115_200, late_reply_ms: times.lateReplyMs };
  return {
    config: { ...serial, driver: framing === 'rtu' ? 'modbus-rtu' : 'modbus-ascii' },
    replug: async () => {
      await pty.unplug();
      await pty.plugIn();
    },
    close: () => pty.close(),
  };
}

type Link = Pick<HostileRequest, 'send' | 'trickle' | 'end'>;

function methodsOf(sender: OrderedSender): Pick<Link, 'send' | 'trickle'> {
  return { send: (bytes) => sender.send(bytes), trickle: (bytes, gapMs) => sender.trickle(bytes, gapMs) };
}

function lineOf(unit: HostileUnit, framing: 'rtu' | 'ascii', link: Link): SerialUnitServer {
  const line = new SerialUnitServer(framing);
  line.isForgetful = true;
  for (const number of UNITS) line.unitAt(number);
  line.behave = ({ unit: of, pdu, frame }) => unit.take({ unit: of, pdu, frame, ...link });
  return line;
}

function linkOf(socket: Socket): Link {
  const sender = new OrderedSender((bytes) => {
    if (!socket.destroyed) socket.write(bytes);
  });
  return {
    ...methodsOf(sender),
    end: (how) => {
      // libuv refuses to reset a socket that is being shut down, and Node then never closes it.
      if (how === 'close') socket.end();
      else if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    },
  };
}

async function listen(take: (socket: Socket) => void): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    take(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
