import { close as closeFd, constants, open as openFd } from 'node:fs';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import { messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';
import { characterMs, type SerialLine } from './bus-timing.ts';
import type { ByteLink, ByteLinkHandlers } from './byte-link.ts';

/** Software switches the direction of an RS-485 transceiver by the level of RTS. */
export interface RtsDirection {
  /** Level of RTS while sending; the other one while listening. */
  readonly sendLevel: 'high' | 'low';
  readonly beforeMs: Millis;
  readonly afterMs: Millis;
}

export interface SerialLinkOptions {
  readonly path: string;
  readonly line: SerialLine;
  /** Null: adapter or kernel switch by themselves, or the line is RS-232. */
  readonly rts: RtsDirection | null;
  readonly clock: Clock;
}

/** What is used of serialport's port: it sets the line up, holds the lock and switches the modem lines. */
interface SerialControl {
  close(): Promise<void>;
  set(levels: { readonly rts: boolean; readonly dtr: boolean; readonly lowLatency?: boolean }): Promise<void>;
  drain(): Promise<void>;
}

interface OpenPort {
  readonly control: SerialControl;
  readonly stream: ReadStream;
}

const IN_USE = 'another program has it open; if that is the daemon, "headgate tag read" reads through it';

/** A port that does not close in this time is left behind: a driver that hangs must not hang the gateway. */
const CLOSE_MS = 1_000;

/**
 * A serial port. serialport opens, sets up and locks it (its native library is loaded with the first port); the bytes go through Node's own
 * terminal stream, since serialport's reading wakes nobody until something else happens in the process.
 */
export class SerialLink implements ByteLink {
  readonly #options: SerialLinkOptions;
  #port: OpenPort | null = null;
  #isClosed = false;
  #sending: Promise<void> = Promise.resolve();
  #opening: Promise<OpenPort> | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: SerialLinkOptions) {
    this.#options = options;
  }

  async open({ onData, onDown }: ByteLinkHandlers): Promise<void> {
    this.#opening = openPort(this.#options);
    const port = await this.#opening;
    if (this.#isClosed) throw new Error('closed');
    this.#port = port;
    const lose = (reason: string) => {
      if (this.#isClosed) return;
      void this.close();
      onDown(reason);
    };
    port.stream.on('data', (chunk: Buffer) => {
      if (!this.#isClosed) onData(chunk);
    });
    port.stream.on('error', (error) => lose(messageOf(error)));
    port.stream.on('end', () => lose('the port is gone'));
    port.stream.on('close', () => lose('the port was closed'));
  }

  write(bytes: Uint8Array): void {
    const port = this.#port;
    if (port === null || this.#isClosed) return;
    if (this.#options.rts === null) port.stream.write(bytes);
    else this.#sending = this.#sending.then(() => this.#sendSwitched(port, bytes));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock } = this.#options;
    // One that is still being opened is closed when it is open; another attempt would find it locked.
    const port = await this.#opening?.catch(() => null);
    this.#port = null;
    if (port === null || port === undefined) return;
    port.stream.destroy();
    await new Promise<void>((resolve) => {
      const timer = clock.after(CLOSE_MS, resolve);
      port.control
        .close()
        .catch(() => {})
        .finally(() => {
          timer.cancel();
          resolve();
        });
    });
  }

  async #sendSwitched({ control, stream }: OpenPort, bytes: Uint8Array): Promise<void> {
    const { rts, line, clock } = this.#options;
    if (rts === null || this.#isClosed) return;
    const isHighToSend = rts.sendLevel === 'high';
    try {
      await control.set({ rts: isHighToSend, dtr: true });
      await passed(clock, rts.beforeMs);
      stream.write(bytes);
      // Draining some adapters ends early: at least the time that the characters need has to pass.
      await Promise.all([control.drain(), passed(clock, bytes.length * characterMs(line))]);
      await passed(clock, rts.afterMs);
      await control.set({ rts: !isHighToSend, dtr: true });
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }
}

async function openPort({ path, line, rts }: SerialLinkOptions): Promise<OpenPort> {
  const { SerialPort } = await import('serialport');
  const opening: Promise<SerialControl> = SerialPort.binding.open({
    ...{ path, baudRate: line.baudRate, dataBits: line.dataBits, parity: line.parity, stopBits: line.stopBits },
    // Locked against other programs; the modem lines stay as they are on closing, since some devices reset with them.
    ...{ lock: true, hupcl: false, rtscts: false, xon: false, xoff: false, xany: false },
  });
  const control = await opening.catch((error: unknown) => {
    throw /cannot lock port/i.test(messageOf(error)) ? new Error(IN_USE, { cause: error }) : error;
  });
  try {
    const listening = { rts: rts === null || rts.sendLevel === 'low', dtr: true };
    if (rts !== null) await control.set(listening);
    // USB adapters hold received bytes back for up to 16 ms otherwise; those that cannot be told so say it with an error.
    else await control.set({ ...listening, lowLatency: true }).catch(() => {});
    return { control, stream: await streamOf(path) };
  } catch (error) {
    await control.close().catch(() => {});
    throw error;
  }
}

/** A stream with a file description of its own: Node's replaces the one it is given, and serialport's lock hangs on serialport's. */
async function streamOf(path: string): Promise<ReadStream> {
  const fd = await promisify(openFd)(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  let stream: ReadStream;
  try {
    stream = new ReadStream(fd);
  } catch (error) {
    closeFd(fd, () => {});
    throw error;
  }
  const { _handle: handle } = stream as { readonly _handle?: { readonly fd?: number } | null };
  // Reopened by name, as nearly always: then the descriptor given is not the stream's and stays open with us.
  if (handle?.fd !== fd) closeFd(fd, () => {});
  return stream;
}

function passed(clock: Clock, delayMs: Millis): Promise<void> {
  if (delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => clock.after(Math.ceil(delayMs), resolve));
}
