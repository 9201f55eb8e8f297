import t from 'tap';
import type { OpcuaConfig } from '../../../src/drivers/opcua/config.ts';
import { opcua } from '../../../src/drivers/opcua/module.ts';
import type { DriverDevice } from '../../../src/ports/driver.ts';
import { type DeviceBench, driverConformance } from '../../conformance/driver.ts';
import { tag } from './harness.ts';
import { startServer } from './test-server.ts';

/** The server of the next bench starts while this one is tested. */
let next = startServer();
t.teardown(async () => (await next).kill());

async function makeBench(): Promise<DeviceBench<OpcuaConfig>> {
  let server = await next;
  next = startServer();
  const config: OpcuaConfig = {
    name: 'plc',
    driver: 'opcua',
    endpoint: server.endpoint,
    security: { policy: 'None', mode: 'None' },
    connect_timeout_ms: 1_000,
    request_timeout_ms: 1_000,
    reconnect_min_ms: 100,
    reconnect_max_ms: 1_000,
    heartbeat_timeout_ms: 1_000,
  };
  const fast = [tag('counter', 'ns=2;s=Counter0'), tag('float', 'ns=2;s=Float')];
  const slow = [tag('text', '/Objects/2:Plant/2:String', { scanMs: 500 })];
  const device = (tags: typeof fast): DriverDevice<OpcuaConfig> => ({
    name: 'plc',
    config,
    groups: [
      { device: 'plc', periodMs: 100, tags },
      { device: 'plc', periodMs: 500, tags: slow },
    ],
  });
  return {
    device: device(fast),
    withBadTag: device([...fast, tag('bad', 'ns=2;s=Nope')]),
    badTag: 'bad',
    noticeMs: 6_000,
    stopDevice: () => server.kill(),
    startDevice: async () => {
      server = await startServer({ port: server.port });
    },
    freezeDevice: async () => server.signal('SIGSTOP'),
    thawDevice: async () => server.signal('SIGCONT'),
    close: () => server.kill(),
  };
}

driverConformance(t, opcua, makeBench);
