import t from 'tap';
import type { ModbusTcpConfig } from '../../../src/drivers/modbus/config.ts';
import { modbusTcp } from '../../../src/drivers/modbus/module.ts';
import type { TagDefinition } from '../../../src/model/tag.ts';
import type { DriverDevice } from '../../../src/ports/driver.ts';
import { type DeviceBench, driverConformance } from '../../conformance/driver.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';
import { tag } from '../../support/tag.ts';

async function makeBench(): Promise<DeviceBench<ModbusTcpConfig>> {
  const server = await TestModbusServer.start();
  server.unit.areas.holding.set([7, 0x4048, 0xf5c3, 0x4142]);
  server.unit.areas.coil[3] = 1;
  server.unit.refuse('holding', 10, 2);
  const make = (name: string, over: Partial<TagDefinition>) => tag(name, { scanMs: 50, device: 'unit', ...over });
  const good = [
    make('count', { address: '40001', type: 'uint16' }),
    make('level', { address: 'HR:1', type: 'float32' }),
    make('label', { address: '400004', type: 'string', length: 2 }),
    make('running', { address: 'CO:3', type: 'bool' }),
  ];
  const slow = [make('total', { address: 'IR:0', type: 'uint32', scanMs: 80 })];
  const refused = make('refused', { address: 'HR:10', type: 'uint32' });
  const config: ModbusTcpConfig = {
    name: 'unit',
    driver: 'modbus-tcp',
    host: '127.0.0.1',
    port: server.port,
    timeout_ms: 150,
    reconnect_min_ms: 50,
    reconnect_max_ms: 200,
  };
  const device = (fast: TagDefinition[]): DriverDevice<ModbusTcpConfig> => ({
    name: 'unit',
    config,
    groups: [
      { device: 'unit', periodMs: 50, tags: fast },
      { device: 'unit', periodMs: 80, tags: slow },
    ],
  });
  return {
    device: device(good),
    withBadTag: device([...good.slice(0, 2), refused, ...good.slice(2)]),
    badTag: 'refused',
    noticeMs: 2_000,
    stopDevice: () => server.close(),
    startDevice: () => server.listen(),
    freezeDevice: async () => {
      server.isFrozen = true;
    },
    thawDevice: async () => {
      server.isFrozen = false;
    },
    close: () => server.close(),
  };
}

driverConformance(t, modbusTcp, makeBench);
