import { connect, type Socket } from 'node:net';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { DeviceFaults } from './faults.ts';
import { Listener } from './listener.ts';

/** Bytes held back for one direction of a slow connection; beyond it the peer is no longer read. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

/**
 * A TCP relay before a server whose own sockets cannot be shaped: passes bytes on, or stops, delays or refuses them.
 * The public port stays the same over all of it.
 */
export class Relay {
  readonly #listener: Listener;
  readonly #clock: Clock;
  readonly #pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  #target = 0;
  #isFrozen = false;
  #delayMs = 0;

  constructor(options: {
    readonly host: string;
    readonly port: number;
    readonly clock: Clock;
    readonly observer: Observer;
  }) {
    this.#clock = options.clock;
    this.#listener = new Listener(options.host, options.port, options.observer, (client) => this.#join(client));
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Listen, so that the port is known before the server starts. @throws SIMULATE_PORT_TAKEN */
  open(): Promise<void> {
    return this.#listener.open();
  }

  /** @param port of the server behind, on the same host */
  setTarget(port: number): void {
    this.#target = port;
  }

  async setFaults(faults: DeviceFaults): Promise<void> {
    this.#delayMs = faults.delayMs;
    this.#isFrozen = faults.isFrozen;
    for (const { client, server } of this.#pairs) {
      if (this.#isFrozen) {
        client.pause();
        server.pause();
      } else {
        client.resume();
        server.resume();
      }
    }
    if (faults.isGone) await this.#listener.close();
    else await this.#listener.open();
  }

  async close(): Promise<void> {
    await this.#listener.close();
    for (const { server } of this.#pairs) server.destroy();
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    server.setNoDelay(true);
    const pair = { client, server };
    this.#pairs.add(pair);
    const timers = new Set<Timer>();
    const end = () => {
      for (const timer of timers) timer.cancel();
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    server.on('error', end);
    server.on('close', end);
    client.on('close', end);
    client.on('data', (chunk: Buffer) => forward(client, server, chunk));
    this.#delayed(server, client, timers);
    if (this.#isFrozen) {
      client.pause();
      server.pause();
    }
  }

  /** Answers may be late; their order stays. */
  #delayed(from: Socket, to: Socket, timers: Set<Timer>): void {
    let heldBytes = 0;
    from.on('data', (chunk: Buffer) => {
      if (this.#delayMs === 0 && heldBytes === 0) {
        forward(from, to, chunk);
        return;
      }
      heldBytes += chunk.length;
      if (heldBytes > MAX_HELD_BYTES) from.pause();
      const timer = this.#clock.after(this.#delayMs, () => {
        timers.delete(timer);
        heldBytes -= chunk.length;
        forward(from, to, chunk);
        if (heldBytes < MAX_HELD_BYTES && !this.#isFrozen) from.resume();
      });
      timers.add(timer);
    });
  }
}

function forward(from: Socket, to: Socket, chunk: Buffer): void {
  if (to.destroyed || to.write(chunk)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
