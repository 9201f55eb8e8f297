import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TagDefinition } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeviceServer, ServedDevice } from './device-server.ts';
import { type DeviceFaults, mergeDeviceFaults, NO_FAULTS } from './faults.ts';
import { isLoopback, makeOpcUaServer } from './opcua-endpoint.ts';
import { OpcUaNodes } from './opcua-nodes.ts';
import { withBadQuality } from './quality-overlay.ts';
import { Relay } from './relay.ts';

export interface OpcUaServerOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly devices: readonly { readonly name: string; readonly tags: readonly TagDefinition[] }[];
  /** Namespace URIs from index 1 on; those that tags name but this does not are made up. */
  readonly namespaces?: readonly string[];
  readonly identity?: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly observer: Observer;
}

/**
 * An OPC UA server with every tag's node under its own node id (or browse path), with the status and source time that is
 * written. Security None is offered on loopback only; Basic256Sha256 and both AES policies everywhere, with a certificate
 * made at the start; any client certificate is accepted, since this is a simulation.
 * @throws SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE
 */
export async function startOpcUaServer(options: OpcUaServerOptions): Promise<DeviceServer> {
  const relay = new Relay(options);
  await relay.open();
  const url = `opc.tcp://${options.host}:${relay.port}`;
  const pkiDirectory = await mkdtemp(join(tmpdir(), 'headgate-simulate-'));
  const removePki = () => rm(pkiDirectory, { recursive: true, force: true });
  try {
    const opcua = await import('node-opcua');
    // The relay stands before it: on loopback, on any port, known to clients by the relay's address alone.
    const server = makeOpcUaServer(opcua, {
      host: '127.0.0.1',
      port: 0,
      hasOpenEndpoint: isLoopback(options.host),
      advertised: url,
      name: options.devices.map(({ name }) => name).join(', '),
      namespaces: options.namespaces ?? [],
      identity: options.identity ?? {},
      pkiDirectory,
    });
    await server.initialize();
    const own = server.engine.addressSpace?.getOwnNamespace();
    if (own === undefined) throw new Error('node-opcua made no address space');
    for (const uri of options.namespaces?.slice(1) ?? []) own.addressSpace.registerNamespace(uri);
    const faultsOf = new Map<string, DeviceFaults>(options.devices.map(({ name }) => [name, NO_FAULTS]));
    const devices = options.devices.map((device): ServedDevice => {
      const nodes = new OpcUaNodes(opcua, own, device);
      const overlay = withBadQuality(device.tags, (index, value, status, time) =>
        nodes.write(index, value, status, time),
      );
      return {
        name: device.name,
        tags: device.tags,
        write: overlay.write,
        async setFaults(faults) {
          overlay.setBadTags(faults.badTags, options.clock.now());
          faultsOf.set(device.name, faults);
          await relay.setFaults(mergeDeviceFaults([...faultsOf.values()]));
        },
      };
    });
    await server.start();
    relay.setTarget(server.endpoints[0]?.port ?? 0);
    return {
      protocol: 'opcua',
      host: options.host,
      port: relay.port,
      url,
      devices,
      async close() {
        await relay.close();
        await server.shutdown(0);
        await removePki();
      },
    };
  } catch (error) {
    await relay.close();
    await removePki();
    throw error;
  }
}
