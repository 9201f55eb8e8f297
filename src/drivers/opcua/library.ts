/** What the driver uses of the protocol library: its client half. The whole has the server too, and takes 8 MB more. */
export type OpcuaLibrary = typeof import('node-opcua-client') &
  Pick<typeof import('node-opcua-transport'), 'ClientTCP_transport'> &
  Pick<typeof import('node-opcua-numeric-range'), 'NumericRange'>;

let loaded: Promise<OpcuaLibrary> | null = null;

/**
 * Load the library once, when the first OPC UA device is made: 0.4 s and 40 MB. It prints nothing, since what it would say of a
 * connection comes back as an error.
 */
export function loadLibrary(): Promise<OpcuaLibrary> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<OpcuaLibrary> {
  const [client, { ClientTCP_transport }, { NumericRange }] = await Promise.all([
    import('node-opcua-client'),
    import('node-opcua-transport'),
    import('node-opcua-numeric-range'),
  ]);
  const silent = () => undefined;
  client.setLogLevel(client.LogLevel.Emergency);
  client.setErrorLogger(silent);
  client.setWarningLogger(silent);
  return { ...client, ClientTCP_transport, NumericRange };
}
