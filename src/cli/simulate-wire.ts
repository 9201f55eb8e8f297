import { once } from 'node:events';
import { resolve } from 'node:path';
import { counted } from '../model/counted.ts';
import { createObserver } from '../observe/observer.ts';
import { systemClock } from '../ports/system-clock.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { formatDuration } from './format.ts';
import { printJson, printTable } from './output.ts';
import { withProgress } from './progress.ts';
import { writeSimulatedGateway } from './simulated-gateway.ts';

export interface SimulateWireOptions {
  readonly speed: number;
  readonly loop?: boolean;
  readonly host: string;
  /** `WIRE=PORT`, repeated. */
  readonly port?: readonly string[];
  /** Ports that the Modbus servers of a capture listen on. */
  readonly serverPort?: readonly number[];
  /** Write devices/ and tags/ that point a gateway at the served wires, and gateway.yaml if there is none. */
  readonly writeConfig?: string;
  /** Of simulated lines only. */
  readonly protocol?: string;
  readonly fault?: readonly string[];
}

/** `headgate simulate --wire RECORDING`: serve what was recorded on a wire, or captured, to any Modbus TCP master until SIGINT or its end. */
export async function simulateWire(context: CliContext, path: string, options: SimulateWireOptions): Promise<number> {
  const { stop } = context;
  for (const [name, value] of Object.entries({ '--protocol': options.protocol, '--fault': options.fault })) {
    if (value !== undefined) throw usageError('simulate', `${name} cannot be used with --wire`);
  }
  const ports = Object.fromEntries((options.port ?? []).map(parseLinkPort));
  const { loadWireRecordings } = await import('../simulate/wire/load-wire.ts');
  const { startWireSimulation } = await import('../simulate/wire/wire-simulation.ts');
  const recordings = await withProgress(context, `reading ${path}`, () =>
    loadWireRecordings(path, options.serverPort === undefined ? undefined : new Set(options.serverPort)),
  );
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: 'warn',
    format: 'text',
  });
  const simulation = await startWireSimulation({
    recordings,
    speed: options.speed,
    loop: options.loop === true,
    host: options.host,
    ports,
    clock: systemClock,
    observer,
  });
  const { endpoints, durationMs } = simulation;
  try {
    let tags: number | null = null;
    if (options.writeConfig !== undefined) {
      const { writeWireConfiguration } = await import('../simulate/wire/wire-configuration.ts');
      const path = resolve(options.writeConfig);
      await writeSimulatedGateway(path, async () => {
        tags = await writeWireConfiguration(path, endpoints);
        return {};
      });
    }
    if (context.isJson) {
      const rows = endpoints.map(({ player: _, ...row }) => row);
      printJson(context, { durationMs, speed: options.speed, endpoints: rows, ...(tags === null ? {} : { tags }) });
    } else {
      printTable(
        context,
        ['recorded wire', 'served at', 'units', 'exchanges', 'unused frames'],
        endpoints.map(({ link, url, units, exchanges, unusedFrames }) => [
          link,
          url,
          units.join(' '),
          String(exchanges),
          String(unusedFrames),
        ]),
      );
      const end = options.loop === true ? 'again and again' : `in ${formatDuration(durationMs / options.speed)}`;
      if (tags !== null) context.out(`\n${counted(tags, 'tag')} proposed in ${options.writeConfig}\n`);
      context.out(`\n${formatDuration(durationMs)} of recorded time, ${end}; end with Ctrl+C\n`);
    }
    await Promise.race([simulation.done, stop.aborted ? undefined : once(stop, 'abort')]);
  } finally {
    await simulation.close();
  }
  return EXIT.ok.code;
}

function parseLinkPort(text: string): [link: string, port: number] {
  const [, link, digits] = /^(.+)=(\d{1,5})$/.exec(text) ?? [];
  if (link === undefined || Number(digits) > 65_535) {
    throw usageError('simulate', `--port ${JSON.stringify(text)}: expected WIRE=PORT, such as tcp://10.0.0.5:502=5020`);
  }
  return [link, Number(digits)];
}
