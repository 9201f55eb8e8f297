import { createServer, type Server, type Socket } from 'node:net';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Observer } from '../observe/observer.ts';

/** Connections to one simulated server at once. */
const MAX_CONNECTIONS = 100;

/**
 * A listening port that can go and come back on the same number: while it is closed the system refuses connections, as it
 * does for a device that is switched off behind a live host.
 */
export class Listener {
  readonly host: string;
  readonly #connect: (socket: Socket) => void;
  readonly #observer: Observer;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port: number;

  constructor(host: string, port: number, observer: Observer, connect: (socket: Socket) => void) {
    this.host = host;
    this.#port = port;
    this.#observer = observer;
    this.#connect = connect;
  }

  /** The real port, from the first open on. */
  get port(): number {
    return this.#port;
  }

  /** @throws SIMULATE_PORT_TAKEN */
  async open(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        this.#server = null;
        const context = { host: this.host, port: this.#port, problem: messageOf(cause) };
        reject(new HeadgateError('SIMULATE_PORT_TAKEN', context, cause));
      });
      server.listen(this.#port, this.host, resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Reset every connection and refuse new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= MAX_CONNECTIONS) {
      this.#observer.emit('simulate-connection-refused', { port: this.#port });
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // A peer that goes away in the middle is daily business for a device.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    this.#connect(socket);
  }
}
