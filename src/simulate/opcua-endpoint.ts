import type { OPCUAServer } from 'node-opcua';

export interface OpcUaEndpointOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** Offer security None as well. */
  readonly hasOpenEndpoint: boolean;
  /** The URL that clients know it by, if it is not its own. */
  readonly advertised: string | null;
  readonly name: string;
  /** Namespace URIs from index 1 on; the first is the application's. */
  readonly namespaces: readonly string[];
  readonly identity: Readonly<Record<string, string>>;
  /** Where keys and certificates are made. */
  readonly pkiDirectory: string;
}

/** True for addresses that no other machine can reach. */
export function isLoopback(host: string): boolean {
  return ['127.0.0.1', '::1', 'localhost'].includes(host);
}

/**
 * A node-opcua server with all current security policies and a certificate of its own, made at the start; any client
 * certificate is accepted, since this is a simulation.
 */
export function makeOpcUaServer(opcua: typeof import('node-opcua'), options: OpcUaEndpointOptions): OPCUAServer {
  const { MessageSecurityMode: Mode, SecurityPolicy: Policy } = opcua;
  const certificates = new opcua.OPCUACertificateManager({
    rootFolder: options.pkiDirectory,
    automaticallyAcceptUnknownCertificate: true,
  });
  return new opcua.OPCUAServer({
    host: options.host,
    hostname: options.host,
    port: options.port,
    ...(options.advertised === null ? {} : { advertisedEndpoints: [options.advertised] }),
    disableDiscovery: true,
    nodeset_filename: [opcua.nodesets.standard],
    serverCertificateManager: certificates,
    userCertificateManager: certificates,
    securityPolicies: [
      ...(options.hasOpenEndpoint ? [Policy.None] : []),
      Policy.Basic256Sha256,
      Policy.Aes128_Sha256_RsaOaep,
      Policy.Aes256_Sha256_RsaPss,
    ],
    securityModes: [...(options.hasOpenEndpoint ? [Mode.None] : []), Mode.Sign, Mode.SignAndEncrypt],
    serverInfo: {
      applicationUri: options.namespaces[0] ?? 'urn:headgate:simulation',
      productUri: 'urn:headgate:simulation',
      applicationName: { text: `Headgate simulation of ${options.name}` },
    },
    buildInfo: {
      manufacturerName: options.identity['vendor'] ?? 'Headgate',
      productName: options.identity['product'] ?? 'simulated device',
      softwareVersion: options.identity['version'] ?? '1',
    },
    serverCapabilities: { maxSessions: 100 },
    maxConnectionsPerEndpoint: 100,
  });
}
