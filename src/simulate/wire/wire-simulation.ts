import type { Socket } from 'node:net';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import { Listener } from '../listener.ts';
import { MbapSplitter, mbapAnswer } from '../mbap.ts';
import { pairExchanges } from './wire-exchange.ts';
import { readFrame, type WireRecording } from './wire-frame.ts';
import { WirePlayer } from './wire-player.ts';

/** Answers that wait for their time on one connection; beyond it the peer is not read. */
const MAX_WAITING = 256;

export interface WireSimulationOptions {
  readonly recordings: readonly WireRecording[];
  /** Recorded time per wall time; answers come so much sooner, too. */
  readonly speed: number;
  /** Begin again at the end. */
  readonly loop: boolean;
  readonly host: string;
  /** Port by link; others get any. */
  readonly ports: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** A recorded wire that is served. */
export interface WireEndpoint {
  readonly link: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly units: readonly number[];
  /** Exchanges that were found in the recording. */
  readonly exchanges: number;
  /** Frames that could not be used: damaged ones, and answers to nothing. */
  readonly unusedFrames: number;
  readonly player: WirePlayer;
}

export interface WireSimulation {
  readonly endpoints: readonly WireEndpoint[];
  readonly durationMs: Millis;
  /** Resolves at the end of the recording (never when it loops) or when closed; the last answers stay served until then. */
  readonly done: Promise<void>;
  close(): Promise<void>;
}

/**
 * Serve recorded wires over Modbus TCP to any master, each with the answers, exceptions, silences and delays that it had.
 * @throws SIMULATE_PORT_TAKEN
 */
export async function startWireSimulation(options: WireSimulationOptions): Promise<WireSimulation> {
  const { clock, observer, host, speed } = options;
  const began = clock.monotonic();
  const served = options.recordings
    .map((recording) => ({ link: recording.link, ...pairExchanges(recording) }))
    .filter(({ exchanges }) => exchanges.length > 0);
  const durationMs = Math.max(0, ...served.map((one) => one.durationMs));
  const position = () => {
    const passed = (clock.monotonic() - began) * speed;
    return options.loop && durationMs > 0 ? passed % durationMs : Math.min(passed, durationMs);
  };
  const listeners: Listener[] = [];
  const endpoints: WireEndpoint[] = [];
  let end: Timer | null = null;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const close = async () => {
    end?.cancel();
    finish();
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  try {
    for (const { link, exchanges, damagedFrames, strayReplies } of served) {
      const player = new WirePlayer(exchanges);
      const context: ConnectionContext = { player, position, speed, clock, observer };
      const listener = new Listener(host, options.ports[link] ?? 0, observer, (socket) => serve(socket, context));
      await listener.open();
      listeners.push(listener);
      endpoints.push({
        link,
        host,
        port: listener.port,
        url: `tcp://${host}:${listener.port}`,
        units: player.units,
        exchanges: exchanges.length,
        unusedFrames: damagedFrames + strayReplies,
        player,
      });
    }
  } catch (error) {
    await close();
    throw error;
  }
  if (!options.loop) end = clock.after(durationMs / speed, finish);
  return { endpoints, durationMs, done, close };
}

interface ConnectionContext {
  readonly player: WirePlayer;
  readonly position: () => Millis;
  readonly speed: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Answer the requests of one connection, each after its delay; as a device does, one after the other. */
function serve(socket: Socket, { player, position, speed, clock, observer }: ConnectionContext): void {
  const splitter = new MbapSplitter();
  const waiting: { readonly frame: Uint8Array }[] = [];
  let timer: Timer | null = null;
  const next = () => {
    for (let asked = waiting.shift(); asked !== undefined; asked = waiting.shift()) {
      if (waiting.length < MAX_WAITING) socket.resume();
      const message = readFrame('tcp', asked.frame);
      if (message === null) continue;
      player.seek(position());
      const { pdu, latencyMs } = player.answer(message.unit, message.pdu);
      if (pdu === null) continue;
      const reply = mbapAnswer(asked.frame, pdu);
      const delayMs = latencyMs / speed;
      if (delayMs < 1) {
        socket.write(reply);
        continue;
      }
      timer = clock.after(delayMs, () => {
        timer = null;
        if (!socket.destroyed) socket.write(reply);
        next();
      });
      return;
    }
  };
  socket.on('data', (chunk: Buffer) => {
    const isModbus = splitter.push(chunk, (frame) => waiting.push({ frame }));
    if (!isModbus) {
      observer.emit('simulate-malformed-request', { bytes: chunk.length });
      socket.destroy();
      return;
    }
    if (waiting.length >= MAX_WAITING) socket.pause();
    if (timer === null) next();
  });
  socket.on('close', () => timer?.cancel());
}
