import { readFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { BrokerConfig } from './config.ts';
import { PacketGuard } from './packet-guard.ts';

/** Connections that have not signed in; when full, the oldest makes room, so that idle sockets keep nobody out. */
const MAX_PENDING = 64;
/** Finds a peer that vanished without a word, also when its client asked for no keep-alive. */
const TCP_KEEPALIVE_MS = 30_000;

export interface ListenerOptions {
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Takes a guarded connection over. */
  readonly onConnection: (socket: Socket) => void;
}

interface Pending {
  readonly socket: Socket;
  readonly timer: Timer;
}

/**
 * Accepts connections and stands between their bytes and the protocol parser: bounded in number until signed in, bounded in time,
 * each packet's header judged before its body is read.
 */
export class ClientListener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #pending = new Map<string, Pending>();
  readonly #sockets = new Set<Socket>();

  private constructor(options: ListenerOptions, server: Server) {
    this.#options = options;
    this.#server = server;
  }

  /** @throws BROKER_LISTEN_FAILED the address cannot be bound; BROKER_TLS_FAILED certificate or key cannot be used */
  static async open(options: ListenerOptions): Promise<ClientListener> {
    const { host, port, tls } = options.config.listen;
    const server = tls === null ? createServer() : await tlsServer(tls, options);
    const listener = new ClientListener(options, server);
    server.on('connection', (socket: Socket) => listener.#admit(socket));
    server.on(tls === null ? 'connection' : 'secureConnection', (socket: Socket) => listener.#guard(socket));
    server.on('tlsClientError', (error, socket: Socket) => {
      options.observer.emit('broker-tls-refused', { remote: remoteOf(socket), problem: messageOf(error) });
      socket.destroy();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, resolve);
    }).catch((cause) => {
      throw new HeadgateError('BROKER_LISTEN_FAILED', { host, port, problem: messageOf(cause) }, cause);
    });
    server.removeAllListeners('error');
    server.on('error', (error) => options.observer.emit('broker-accept-failed', { problem: messageOf(error) }));
    return listener;
  }

  get address(): { readonly host: string; readonly port: number } | null {
    const address = this.#server.address();
    return address === null || typeof address === 'string' ? null : { host: address.address, port: address.port };
  }

  /** Connections that have not signed in. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The connection's client has signed in. */
  release(socket: Socket): void {
    const key = keyOf(socket);
    this.#pending.get(key)?.timer.cancel();
    this.#pending.delete(key);
  }

  /** Stop accepting and end what is left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { timer } of this.#pending.values()) timer.cancel();
    this.#pending.clear();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #admit(socket: Socket): void {
    const { clock, config, observer } = this.#options;
    const key = keyOf(socket);
    const remote = remoteOf(socket);
    if (this.#pending.size >= MAX_PENDING) {
      const [oldest] = this.#pending.values();
      if (oldest !== undefined) this.#refuse(oldest.socket, 'too-many-unauthenticated');
    }
    const timer = clock.after(config.connect_timeout_ms, () => this.#refuse(socket, 'connect-timeout'));
    this.#pending.set(key, { socket, timer });
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('error', (error) => observer.emit('broker-connection-error', { remote, problem: messageOf(error) }));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#pending.get(key)?.socket === socket) {
        timer.cancel();
        this.#pending.delete(key);
      }
    });
  }

  #refuse(socket: Socket, reason: string): void {
    this.#options.observer.emit('broker-connection-refused', { remote: remoteOf(socket), reason });
    this.release(socket);
    socket.destroy();
  }

  /** aedes pulls what has arrived by `read(null)` and buffers it until a packet is complete: judge it on the way. */
  #guard(socket: Socket): void {
    const guard = new PacketGuard(this.#options.config.max_packet_bytes);
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      const chunk: Buffer | null = read(size);
      const verdict = chunk === null ? 'ok' : guard.feed(chunk);
      if (verdict === 'ok') return chunk;
      this.#refuse(socket, verdict);
      return null;
    };
    this.#options.onConnection(socket);
  }
}

async function tlsServer(tls: NonNullable<BrokerConfig['listen']['tls']>, options: ListenerOptions): Promise<Server> {
  try {
    return createTlsServer({
      cert: await readFile(tls.cert_file),
      key: await readFile(tls.key_file),
      minVersion: 'TLSv1.2',
      handshakeTimeout: options.config.connect_timeout_ms,
      ...(tls.client_ca_file === null
        ? {}
        : { ca: await readFile(tls.client_ca_file), requestCert: true, rejectUnauthorized: true }),
    });
  } catch (cause) {
    throw new HeadgateError('BROKER_TLS_FAILED', { cert: tls.cert_file, problem: messageOf(cause) }, cause);
  }
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

/** Peer address for logs, without the port: a peer that tries again is the same peer. */
function remoteOf(socket: Socket): string {
  return socket.remoteAddress ?? 'unknown';
}
