/** The protocol library, as it is loaded when the first OPC UA device is made: 300 to 550 ms and about 100 MB. */
export type OpcuaLibrary = typeof import('node-opcua');

let loaded: Promise<OpcuaLibrary> | null = null;

/** Load the library once; it prints nothing, since what it would say of a connection comes back as an error. */
export function loadLibrary(): Promise<OpcuaLibrary> {
  loaded ??= import('node-opcua').then((library) => {
    const silent = () => undefined;
    library.setLogLevel(library.LogLevel.Emergency);
    library.setErrorLogger(silent);
    library.setWarningLogger(silent);
    return library;
  });
  return loaded;
}
