import { type ByteStream, type DataChanges, readDataChanges } from './data-changes.ts';

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
  readAsColumns(client);
  return { ...client, ClientTCP_transport, NumericRange };
}

const changesOf = new WeakMap<object, DataChanges>();

/** What a DataChangeNotification of the library holds; null: its bytes were damaged. */
export function dataChangesOf(notification: object): DataChanges | null {
  return changesOf.get(notification) ?? null;
}

/** Let the library leave the items of notifications to us. It passes over errors of this decoding, and over what is left of the bytes. */
function readAsColumns({ DataChangeNotification, DataValue }: typeof import('node-opcua-client')): void {
  DataChangeNotification.prototype.decode = function decode(stream) {
    const decodeOther = () => {
      const data = new DataValue();
      data.decode(stream);
      return data;
    };
    changesOf.set(this, readDataChanges(stream as ByteStream, decodeOther));
    // An array of diagnostics that is absent or empty; nobody asks for others.
    stream.readInteger();
  };
}
