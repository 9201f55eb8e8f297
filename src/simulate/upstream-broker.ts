import { createServer } from 'node:net';
import { Aedes } from 'aedes';

/** A plain MQTT broker that plays the plant's or the cloud's. */
export interface UpstreamBroker {
  readonly port: number;
  close(): Promise<void>;
}

/** Start a broker on a free local port, without credentials; for simulation only. */
export async function startUpstreamBroker(): Promise<UpstreamBroker> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
