import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What the proxy does to bytes, by direction; change it at any time. */
export interface ProxyFaults {
  /** One-way delay of every chunk, ms. */
  delayMs: number;
  /** Bytes a second and direction; null: no limit. */
  bytesPerSecond: number | null;
  /** Swallow what goes this way, silently, while connections stay open: a half-open link. */
  dropToServer: boolean;
  dropToClient: boolean;
  /** Until this time of `performance.now()` nothing leaves, and then all of it in order: a retransmission on a lossy link. */
  stalledUntil: number;
  /** New connections: pass them on; reset them; or take them and never answer. */
  accept: 'pass' | 'reset' | 'mute';
}

/**
 * A TCP proxy on 127.0.0.1 that makes a link bad: delay, throttle, silent loss, resets. In-process and deterministic: faults hold
 * from the moment they are set until they are changed.
 */
export class FaultProxy {
  readonly faults: ProxyFaults = {
    delayMs: 0,
    bytesPerSecond: null,
    dropToServer: false,
    dropToClient: false,
    stalledUntil: 0,
    accept: 'pass',
  };
  /** Connections taken since start. */
  accepted = 0;
  /** Bytes that came from clients and servers, dropped ones among them. */
  readonly bytes = { toServer: 0, toClient: 0 };
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections on which nothing passes any more, and nobody says so. */
  readonly #stranded = new WeakSet<Socket>();

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) => this.#take(client));
  }

  /** Listen on a free port, or the one given; `targetPort` need not be listening yet. */
  static async start(targetPort: number, options: { host?: string; port?: number } = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy({ host: options.host ?? '127.0.0.1', port: targetPort });
    proxy.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Open connections of clients. */
  get open(): number {
    return [...this.#sockets].filter((socket) => socket.localPort === this.port).length;
  }

  /** End all connections now with a reset (RST). */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** The path of all open connections is gone, silently and for ever; new ones pass. */
  strand(): void {
    for (const socket of this.#sockets) this.#stranded.add(socket);
  }

  /** Nothing leaves for a while. */
  stall(forMs: number): void {
    this.faults.stalledUntil = performance.now() + forMs;
  }

  /** The link goes dead: nothing passes, nothing closes. `heal` lets new bytes pass; what was swallowed is lost. */
  sever(): void {
    this.faults.dropToServer = true;
    this.faults.dropToClient = true;
    this.faults.accept = 'mute';
  }

  heal(): void {
    this.faults.dropToServer = false;
    this.faults.dropToClient = false;
    this.faults.accept = 'pass';
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(client: Socket): void {
    this.accepted++;
    this.#keep(client);
    if (this.faults.accept === 'reset') {
      client.resetAndDestroy();
      return;
    }
    if (this.faults.accept === 'mute') {
      client.resume();
      return;
    }
    const server = connect({ ...this.#target, noDelay: true });
    this.#keep(server);
    this.#pipe(client, server, 'toServer');
    this.#pipe(server, client, 'toClient');
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }

  /** One direction. A chunk leaves when the chunk before has left, its bytes had time at the set speed, and the delay has passed. */
  #pipe(from: Socket, to: Socket, direction: 'toServer' | 'toClient'): void {
    let lineFreeAt = 0;
    const isDropping = () =>
      this.#stranded.has(from) || (direction === 'toServer' ? this.faults.dropToServer : this.faults.dropToClient);
    // One queue and one timer: timers of their own could overtake each other.
    const queue: { at: number; act: () => void }[] = [];
    const run = () => {
      for (let head = queue[0]; head !== undefined; head = queue[0]) {
        const waitMs = Math.max(head.at, this.faults.stalledUntil) - performance.now();
        if (waitMs > 0) {
          setTimeout(run, waitMs);
          return;
        }
        head.act();
        queue.shift();
      }
    };
    const later = (at: number, act: () => void) => {
      queue.push({ at, act });
      if (queue.length === 1) run();
    };
    from.on('data', (chunk) => {
      this.bytes[direction] += chunk.length;
      if (isDropping()) return;
      const { delayMs, bytesPerSecond } = this.faults;
      const sendMs = bytesPerSecond === null ? 0 : (chunk.length / bytesPerSecond) * 1000;
      lineFreeAt = Math.max(lineFreeAt, performance.now()) + sendMs;
      // A throttled or slow reader must be felt by the writer, as on a real link.
      if (bytesPerSecond !== null) {
        from.pause();
        setTimeout(() => from.resume(), Math.max(0, lineFreeAt - performance.now()));
      }
      later(lineFreeAt + delayMs, () => {
        if (isDropping() || to.destroyed || to.write(chunk)) return;
        from.pause();
        to.once('drain', () => from.resume());
      });
    });
    from.on('end', () => later(lineFreeAt + this.faults.delayMs, () => !isDropping() && to.end()));
    from.on('close', () => {
      if (!isDropping()) later(lineFreeAt + this.faults.delayMs, () => to.destroy());
    });
  }
}
