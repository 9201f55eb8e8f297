import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TagDefinition } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeviceServer, ServedDevice } from './device-server.ts';
import { type DeviceFaults, mergeDeviceFaults, NO_FAULTS } from './faults.ts';
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
    const server = makeServer(opcua, { ...options, url, pkiDirectory });
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

function makeServer(
  opcua: typeof import('node-opcua'),
  options: OpcUaServerOptions & { readonly url: string; readonly pkiDirectory: string },
) {
  const { MessageSecurityMode: Mode, SecurityPolicy: Policy } = opcua;
  const isLoopback = ['127.0.0.1', '::1', 'localhost'].includes(options.host);
  const certificates = new opcua.OPCUACertificateManager({
    rootFolder: options.pkiDirectory,
    automaticallyAcceptUnknownCertificate: true,
  });
  const names = options.devices.map(({ name }) => name).join(', ');
  return new opcua.OPCUAServer({
    // The relay stands before it: on loopback, on any port, known to clients by the relay's address alone.
    host: '127.0.0.1',
    hostname: options.host,
    port: 0,
    advertisedEndpoints: [options.url],
    disableDiscovery: true,
    nodeset_filename: [opcua.nodesets.standard],
    serverCertificateManager: certificates,
    userCertificateManager: certificates,
    securityPolicies: [
      ...(isLoopback ? [Policy.None] : []),
      Policy.Basic256Sha256,
      Policy.Aes128_Sha256_RsaOaep,
      Policy.Aes256_Sha256_RsaPss,
    ],
    securityModes: [...(isLoopback ? [Mode.None] : []), Mode.Sign, Mode.SignAndEncrypt],
    serverInfo: {
      applicationUri: options.namespaces?.[0] ?? 'urn:headgate:simulation',
      productUri: 'urn:headgate:simulation',
      applicationName: { text: `Headgate simulation of ${names}` },
    },
    buildInfo: {
      manufacturerName: options.identity?.['vendor'] ?? 'Headgate',
      productName: options.identity?.['product'] ?? 'simulated device',
      softwareVersion: options.identity?.['version'] ?? '1',
    },
    maxAllowedSessionNumber: 100,
    maxConnectionsPerEndpoint: 100,
  });
}
