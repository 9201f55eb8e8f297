/** A true OPC UA server in a process of its own, so that it can be frozen, killed and started again at the same port. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DataType,
  LocalizedText,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  setErrorLogger,
  setWarningLogger,
  type UAVariable,
  Variant,
  VariantArrayType,
} from 'node-opcua';
import type { ServerOrders } from './test-server.ts';

setErrorLogger(() => undefined);
setWarningLogger(() => undefined);

const orders = JSON.parse(process.argv[2] ?? '{}') as ServerOrders;
const pki = join(tmpdir(), `headgate-test-opcua-server-${process.getuid?.() ?? 0}`);

const certificates = new OPCUACertificateManager({
  rootFolder: join(pki, orders.pki ?? 'accepting'),
  automaticallyAcceptUnknownCertificate: orders.acceptsClients ?? true,
});
await certificates.initialize();

const policies = (orders.policies ?? ['None']).map((name) => SecurityPolicy[name as keyof typeof SecurityPolicy]);
const server = new OPCUAServer({
  port: orders.port ?? 0,
  hostname: '127.0.0.1',
  serverCertificateManager: certificates,
  userCertificateManager: certificates,
  securityPolicies: [...new Set([SecurityPolicy.None, ...policies])],
  securityModes: orders.modes?.map((name) => MessageSecurityMode[name as keyof typeof MessageSecurityMode]) ?? [
    MessageSecurityMode.None,
    MessageSecurityMode.Sign,
    MessageSecurityMode.SignAndEncrypt,
  ],
  allowAnonymous: orders.users === undefined,
  ...(orders.users === undefined
    ? {}
    : { userManager: { isValidUser: (name: string, password: string) => orders.users?.[name] === password } }),
  buildInfo: { productName: 'Test Server', manufacturerName: 'Headgate', softwareVersion: '1.2.3', buildNumber: '7' },
  serverCapabilities: {
    maxSessions: 50,
    operationLimits: {
      maxMonitoredItemsPerCall: orders.maxMonitoredItemsPerCall ?? 0,
      maxNodesPerRead: orders.maxNodesPerRead ?? 0,
    },
  },
});
await server.initialize();
const space = server.engine.addressSpace;
if (space === null) throw new Error('no address space');
for (const uri of orders.namespacesBefore ?? []) space.registerNamespace(uri);
const own = space.registerNamespace('http://headgate.test/plant');
const folder = own.addFolder(space.rootFolder.objects, { browseName: 'Plant' });

const counters: UAVariable[] = [];
for (let index = 0; index < (orders.counters ?? 3); index++) {
  counters.push(
    own.addVariable({
      componentOf: folder,
      browseName: `Counter${index}`,
      nodeId: `s=Counter${index}`,
      dataType: DataType.Double,
      value: { dataType: DataType.Double, value: 0 },
    }),
  );
}
const fixed = (name: string, dataType: DataType, value: unknown, arrayType = VariantArrayType.Scalar) =>
  own.addVariable({
    componentOf: folder,
    browseName: name,
    nodeId: `s=${name}`,
    dataType,
    valueRank: arrayType === VariantArrayType.Scalar ? -1 : 1,
    value: new Variant({ dataType, arrayType, value }),
  });
fixed('Boolean', DataType.Boolean, true);
fixed('Int16', DataType.Int16, -12);
fixed('Int64Small', DataType.Int64, [0xffffffff, 0xfffffffb]);
fixed('UInt64Big', DataType.UInt64, [0xffffffff, 0xffffffff]);
fixed('Float', DataType.Float, 1.5);
fixed('String', DataType.String, 'auf und zu');
fixed('DateTime', DataType.DateTime, new Date('2026-01-02T03:04:05.678Z'));
fixed('ByteString', DataType.ByteString, Buffer.from([1, 2, 3]));
fixed('LocalizedText', DataType.LocalizedText, new LocalizedText({ text: 'läuft', locale: 'de' }));
fixed('Doubles', DataType.Double, new Float64Array([1, 2, 3, 4]), VariantArrayType.Array);
fixed('Element[1]', DataType.Double, 77);
const quality = fixed('Quality', DataType.Double, 5);
process.on('message', ({ add }: { add: string }) => fixed(add, DataType.Double, 1));

await server.start();
const started = Date.now();
let round = 0;
setInterval(() => {
  round++;
  const now = new Date();
  for (const [index, counter] of counters.entries()) {
    counter.setValueFromSource({ dataType: DataType.Double, value: round + index / 100_000 }, StatusCodes.Good, now);
  }
  const status = Math.floor((Date.now() - started) / 500) % 2 === 0 ? StatusCodes.Good : StatusCodes.BadSensorFailure;
  quality.setValueFromSource({ dataType: DataType.Double, value: 5 }, status, now);
}, orders.everyMs ?? 100);

process.send?.({ port: Number(new URL(server.getEndpointUrl().replace('opc.tcp', 'http')).port) });
