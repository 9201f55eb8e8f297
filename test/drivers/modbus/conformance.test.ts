import t from 'tap';
import type { ModbusConfig } from '../../../src/drivers/modbus/config.ts';
import * as modules from '../../../src/drivers/modbus/module.ts';
import type { TagDefinition } from '../../../src/model/tag.ts';
import type { DriverDevice } from '../../../src/ports/driver.ts';
import { type DeviceBench, driverConformance } from '../../conformance/driver.ts';
import { TestModbusServer, type TestUnit } from '../../support/modbus-server.ts';
import { Pty } from '../../support/pty.ts';
import { SerialUnitServer, TcpLine } from '../../support/serial-unit-server.ts';
import { tag } from '../../support/tag.ts';

const COMMON = { name: 'unit', timeout_ms: 150, reconnect_min_ms: 50, reconnect_max_ms: 200, late_reply_ms: 50 };

/** How a kind of device comes and goes. */
interface Place {
  readonly config: ModbusConfig;
  readonly unit: TestUnit;
  readonly server: { isFrozen: boolean };
  readonly bench: Pick<DeviceBench<ModbusConfig>, 'stopDevice' | 'startDevice' | 'close'>;
}

async function tcpPlace(): Promise<Place> {
  const server = await TestModbusServer.start();
  const { late_reply_ms: _none, ...common } = COMMON;
  return {
    config: { ...common, driver: 'modbus-tcp', host: '127.0.0.1', port: server.port },
    ...{ unit: server.unit, server },
    bench: { stopDevice: () => server.close(), startDevice: () => server.listen(), close: () => server.close() },
  };
}

async function ptyPlace(framing: 'rtu' | 'ascii'): Promise<Place> {
  const server = new SerialUnitServer(framing);
  const pty = await Pty.open();
  pty.onData = (chunk) => server.receive(chunk, (bytes) => pty.write(bytes));
  const serial = { ...COMMON, path: pty.path, baud_rate: 115_200 };
  return {
    config: { ...serial, driver: framing === 'rtu' ? 'modbus-rtu' : 'modbus-ascii' },
    ...{ unit: server.unit, server },
    bench: { stopDevice: () => pty.unplug(), startDevice: () => pty.plugIn(), close: () => pty.close() },
  };
}

async function tcpLinePlace(framing: 'rtu' | 'ascii'): Promise<Place> {
  const server = new SerialUnitServer(framing);
  const line = await TcpLine.open(server);
  const socket = { ...COMMON, host: '127.0.0.1', port: line.port };
  return {
    config: { ...socket, driver: framing === 'rtu' ? 'modbus-rtu-tcp' : 'modbus-ascii-tcp' },
    ...{ unit: server.unit, server },
    bench: { stopDevice: () => line.close(), startDevice: () => line.listen(), close: () => line.close() },
  };
}

async function makeBench(place: Place): Promise<DeviceBench<ModbusConfig>> {
  const { config, unit, server, bench } = place;
  unit.areas.holding.set([7, 0x4048, 0xf5c3, 0x4142]);
  unit.areas.coil[3] = 1;
  unit.refuse('holding', 10, 2);
  const make = (name: string, over: Partial<TagDefinition>) => tag(name, { scanMs: 50, device: 'unit', ...over });
  const good = [
    make('count', { address: '40001', type: 'uint16' }),
    make('level', { address: 'HR:1', type: 'float32' }),
    make('label', { address: '400004', type: 'string', length: 2 }),
    make('running', { address: 'CO:3', type: 'bool' }),
  ];
  const slow = [make('total', { address: 'IR:0', type: 'uint32', scanMs: 80 })];
  const refused = make('refused', { address: 'HR:10', type: 'uint32' });
  const device = (fast: TagDefinition[]): DriverDevice<ModbusConfig> => ({
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
    noticeMs: 3_000,
    ...bench,
    freezeDevice: async () => {
      server.isFrozen = true;
    },
    thawDevice: async () => {
      server.isFrozen = false;
    },
  };
}

const kinds = [
  ['TCP', modules.modbusTcp, tcpPlace],
  ['RTU on a serial port', modules.modbusRtu, () => ptyPlace('rtu')],
  ['ASCII on a serial port', modules.modbusAscii, () => ptyPlace('ascii')],
  ['RTU over TCP', modules.modbusRtuTcp, () => tcpLinePlace('rtu')],
  ['ASCII over TCP', modules.modbusAsciiTcp, () => tcpLinePlace('ascii')],
] as const;
for (const [what, module, makePlace] of kinds) {
  t.test(what, async (t) => driverConformance(t, module, async () => makeBench(await makePlace())));
}
