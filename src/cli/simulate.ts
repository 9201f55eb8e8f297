import { once } from 'node:events';
import { resolve } from 'node:path';
import { nearest } from '../config/nearest.ts';
import { createObserver } from '../observe/observer.ts';
import { systemClock } from '../ports/system-clock.ts';
import type { CliContext } from './cli-context.ts';
import { usageError } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { parseFault } from './fault-option.ts';
import { formatDuration } from './format.ts';
import { lineServices } from './line-services.ts';
import { printJson, printTable } from './output.ts';
import { withProgress } from './progress.ts';
import { serialPlace } from './serial-places.ts';
import { writeSimulatedGateway } from './simulated-gateway.ts';

export interface SimulateOptions {
  /** What a CSV file is served as. */
  readonly protocol?: 'mixed' | 'opcua' | 'modbus-tcp';
  readonly speed: number;
  readonly loop?: boolean;
  readonly host: string;
  /** `DEVICE=PORT`, repeated. */
  readonly port?: readonly string[];
  /** Any free ports instead of the fixture's own. */
  readonly anyPort?: boolean;
  readonly fault?: readonly string[];
  /** How Modbus devices are served over TCP. */
  readonly modbusFraming?: 'tcp' | 'rtu' | 'ascii';
  /** `DEVICE=PATH`, repeated: Modbus devices on serial ports. */
  readonly serial?: readonly string[];
  readonly baudRate?: number;
  /** Write devices/ and tags/ that point a gateway at the simulated line, and gateway.yaml if there is none. */
  readonly writeConfig?: string;
}

/** `headgate simulate FIXTURE`: serve a recorded line, or a historian's CSV file, as real servers until SIGINT or its end. */
export async function simulate(context: CliContext, fixture: string, options: SimulateOptions): Promise<number> {
  // From here on a signal ends the simulation in order.
  const { stop } = context;
  const faults = (options.fault ?? []).map(parseFault);
  const named = Object.fromEntries((options.port ?? []).map(parsePort));
  const serial = new Map(
    (options.serial ?? [])
      .map(parseSerial)
      .map(([device, path]) => [device, serialPlace(path, options.baudRate ?? 115_200)]),
  );
  const { loadFixture, startSimulation } = await import('../simulate/simulator.ts');
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: 'warn',
    format: 'text',
  });
  const line = await withProgress(context, `reading ${fixture}`, () =>
    loadFixture(fixture, options.protocol === undefined ? {} : { protocol: options.protocol }),
  );
  checkDeviceNames('--port', Object.keys(named), line.devices);
  checkDeviceNames('--serial', [...serial.keys()], line.devices);
  const simulation = await startSimulation({
    fixture: line,
    speed: options.speed,
    loop: options.loop === true,
    host: options.host,
    ports: Object.keys(named).length > 0 || options.anyPort === true ? named : 'preferred',
    faults,
    modbus: { framing: options.modbusFraming ?? 'tcp', serial },
    clock: systemClock,
    observer,
  });
  try {
    if (options.writeConfig !== undefined) {
      const path = resolve(options.writeConfig);
      await writeSimulatedGateway(path, async () => {
        await simulation.configuration(path);
        return { services: await lineServices(fixture, simulation, options.speed) };
      });
    }
    const { manifest } = simulation.fixture;
    const durationMs = manifest.recorded.duration_ms;
    if (context.isJson) {
      printJson(context, { fixture: manifest.name, durationMs, speed: options.speed, endpoints: simulation.endpoints });
    } else {
      const rows = simulation.endpoints.map(({ device, protocol, url, unit }) => [
        device,
        protocol,
        url,
        unit === null ? '' : String(unit),
      ]);
      printTable(context, ['device', 'protocol', 'address', 'unit'], rows);
      const end = options.loop === true ? 'again and again' : `in ${formatDuration(durationMs / options.speed)}`;
      context.out(`\n${manifest.name}: ${formatDuration(durationMs)} of line time, ${end}; end with Ctrl+C\n`);
    }
    await Promise.race([simulation.done, aborted(stop)]);
  } finally {
    await simulation.close();
  }
  return EXIT.ok.code;
}

function parsePort(text: string): [device: string, port: number] {
  const [, device, digits] = /^([A-Za-z0-9_-]+)=(\d{1,5})$/.exec(text) ?? [];
  if (device === undefined || Number(digits) > 65_535) {
    throw usageError('simulate', `--port ${JSON.stringify(text)}: expected DEVICE=PORT, such as press-7=4840`);
  }
  return [device, Number(digits)];
}

function parseSerial(text: string): [device: string, path: string] {
  const [, device, path] = /^([A-Za-z0-9_-]+)=(\/.+)$/.exec(text) ?? [];
  if (device === undefined || path === undefined) {
    throw usageError(
      'simulate',
      `--serial ${JSON.stringify(text)}: expected DEVICE=PATH, such as meter-1=/dev/ttyUSB0`,
    );
  }
  return [device, path];
}

function checkDeviceNames(
  option: string,
  named: readonly string[],
  devices: readonly { readonly name: string }[],
): void {
  const known = devices.map(({ name }) => name);
  const unknown = named.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  throw usageError('simulate', `${option} ${unknown}=…: expected a device of the line: ${known.join(', ')}${hint}`);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
