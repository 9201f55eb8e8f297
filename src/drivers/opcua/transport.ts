import type { OPCUAClientOptions } from 'node-opcua-client';
import type { OpcuaLibrary } from './library.ts';

type TransportFactory = NonNullable<OPCUAClientOptions['transportFactory']>;

/** The library's handler of received bytes; it is looked up at every call, so an instance can have its own. */
const HANDLER = '_on_socket_data';

/**
 * The library's TCP transport behind a bulkhead. Its assertions on what a server sends (an acknowledge with a buffer size of 0, say)
 * throw out of the socket's data event, which would end the daemon; here they end the connection.
 */
export function guardedTransports(library: OpcuaLibrary): TransportFactory {
  return {
    create: (settings) => {
      const transport = new library.ClientTCP_transport(settings);
      const handler: unknown = Reflect.get(transport, HANDLER);
      if (typeof handler !== 'function') throw new TypeError(`the transport of node-opcua has no ${HANDLER}`);
      const guarded = (data: Buffer) => {
        try {
          Reflect.apply(handler, transport, [data]);
        } catch {
          transport.forceConnectionBreak();
        }
      };
      Reflect.set(transport, HANDLER, guarded);
      return transport;
    },
  };
}
