import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';

/** A TCP link that can be cut and healed: what stands between a gateway and its upstream. */
export interface WanLink {
  /** Where to connect instead of the target. */
  readonly port: number;
  /** Break all connections and refuse new ones. */
  cut(): void;
  heal(): void;
  close(): Promise<void>;
}

export interface WanLinkOptions {
  /** Where the link leads, on this machine. */
  readonly targetPort: number;
  /** One-way delay, both ways; 0: none. */
  readonly delayMs?: number;
}

/** Open a link on a free local port. */
export async function openWanLink({ targetPort, delayMs = 0 }: WanLinkOptions): Promise<WanLink> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connectTcp({ port: targetPort, host: '127.0.0.1', noDelay: true });
    near.setNoDelay(true);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    relay(near, far, delayMs);
    relay(far, near, delayMs);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: portOf(server),
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    heal: () => {
      isCut = false;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The port that a listening TCP server got. */
function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function relay(from: Socket, to: Socket, delayMs: number): void {
  if (delayMs === 0) {
    from.pipe(to);
    return;
  }
  from.on('data', (chunk) => {
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk);
    }, delayMs);
  });
  from.on('end', () => setTimeout(() => to.end(), delayMs));
}
