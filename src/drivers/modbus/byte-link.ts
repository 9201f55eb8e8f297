import { connect, type Socket } from 'node:net';
import { messageOf } from '../../errors/headgate-error.ts';

export interface ByteLinkHandlers {
  readonly onData: (chunk: Uint8Array) => void;
  /** It ended, by itself or because it could not be written to; called at most once, only while it is open. */
  readonly onDown: (reason: string) => void;
}

/** A wire for bytes, used once: a serial port, or a TCP connection to a serial line. */
export interface ByteLink {
  /** @throws Error it cannot be opened, or was closed meanwhile; the message says why */
  open(handlers: ByteLinkHandlers): Promise<void>;
  /** Send, in order; a failure ends the link. */
  write(bytes: Uint8Array): void;
  /** End it, also while it is being opened; resolves when it can be opened again. */
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 10_000;

/** A TCP connection as a wire for bytes, as serial device servers offer it in their transparent mode. */
export class TcpLink implements ByteLink {
  readonly #target: { readonly host: string; readonly port: number };
  #socket: Socket | null = null;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
  }

  open({ onData, onDown }: ByteLinkHandlers): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...this.#target,
        ...{ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
      });
      this.#socket = socket;
      let isOpen = false;
      const lose = (reason: string) => {
        if (this.#socket === null) return reject(new Error('closed'));
        this.#socket = null;
        socket.destroy();
        if (isOpen) onDown(reason);
        else reject(new Error(reason));
      };
      socket.on('connect', () => {
        isOpen = true;
        resolve();
      });
      socket.on('data', (chunk: Buffer) => {
        if (this.#socket !== null) onData(chunk);
      });
      socket.on('error', (error) => lose(messageOf(error)));
      socket.on('end', () => lose('closed by the peer'));
      socket.on('close', () => lose('closed'));
    });
  }

  write(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }
}
