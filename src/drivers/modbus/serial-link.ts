import type { SerialPort } from 'serialport';
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

/** A port that does not close in this time is left behind; a driver that hangs must not hang the gateway. */
const CLOSE_MS = 1_000;

/** A serial port by serialport; the native library is loaded with the first one. */
export class SerialLink implements ByteLink {
  readonly #options: SerialLinkOptions;
  #port: SerialPort | null = null;
  #isClosed = false;
  #sending: Promise<void> = Promise.resolve();
  #closing: Promise<void> = Promise.resolve();

  constructor(options: SerialLinkOptions) {
    this.#options = options;
  }

  async open({ onData, onDown }: ByteLinkHandlers): Promise<void> {
    const { SerialPort } = await import('serialport');
    if (this.#isClosed) throw new Error('closed');
    const { path, line, rts } = this.#options;
    const port = new SerialPort({
      ...{ path, baudRate: line.baudRate, dataBits: line.dataBits, parity: line.parity, stopBits: line.stopBits },
      // Locked against other programs; the modem lines stay as they are on closing, since some devices reset with them.
      ...{ autoOpen: false, lock: true, hupcl: false },
    });
    await new Promise<void>((resolve, reject) => {
      port.open((error) => (error === null || error === undefined ? resolve() : reject(new Error(messageOf(error)))));
    });
    this.#port = port;
    const lose = (reason: string) => {
      if (this.#isClosed) return;
      void this.close();
      onDown(reason);
    };
    port.on('data', (chunk: Buffer) => {
      if (!this.#isClosed) onData(chunk);
    });
    port.on('error', (error) => lose(messageOf(error)));
    port.on('close', (error?: Error | null) =>
      lose(error === null || error === undefined ? 'closed' : messageOf(error)),
    );
    if (this.#isClosed) {
      await closePort(port, this.#options.clock);
      throw new Error('closed');
    }
    if (rts !== null) await this.#setRts(port, rts.sendLevel === 'low');
  }

  write(bytes: Uint8Array): void {
    const port = this.#port;
    if (port === null || this.#isClosed) return;
    if (this.#options.rts === null) port.write(bytes);
    else this.#sending = this.#sending.then(() => this.#sendSwitched(port, bytes));
  }

  flush(): void {
    this.#port?.flush();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    const port = this.#port;
    this.#port = null;
    if (port !== null) this.#closing = closePort(port, this.#options.clock);
    return this.#closing;
  }

  async #sendSwitched(port: SerialPort, bytes: Uint8Array): Promise<void> {
    const { rts, line, clock } = this.#options;
    if (rts === null || this.#isClosed) return;
    await this.#setRts(port, rts.sendLevel === 'high');
    await passed(clock, rts.beforeMs);
    port.write(bytes);
    // tcdrain of some adapters returns early: at least the time that the characters need has to pass.
    await Promise.all([
      new Promise<void>((resolve) => port.drain(() => resolve())),
      passed(clock, bytes.length * characterMs(line)),
    ]);
    await passed(clock, rts.afterMs);
    await this.#setRts(port, rts.sendLevel === 'low');
  }

  #setRts(port: SerialPort, isHigh: boolean): Promise<void> {
    return new Promise((resolve) => {
      port.set({ rts: isHigh, dtr: true }, (error) => {
        if (error !== null && error !== undefined) port.emit('error', error);
        resolve();
      });
    });
  }
}

function passed(clock: Clock, delayMs: Millis): Promise<void> {
  if (delayMs <= 0) return Promise.resolve();
  return new Promise((resolve) => clock.after(Math.ceil(delayMs), resolve));
}

/** Close, or give up after a while. */
function closePort(port: SerialPort, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(CLOSE_MS, resolve);
    const end = () => {
      timer.cancel();
      resolve();
    };
    if (port.isOpen) port.close(end);
    else if (port.closing) port.once('close', end);
    else end();
  });
}
