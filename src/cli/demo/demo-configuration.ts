import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Simulation } from '../../simulate/simulator.ts';
import { lineServices } from '../line-services.ts';

export interface DemoPlaces {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Where the gateway reaches its upstream: the near end of the WAN. */
  readonly wanPort: number;
}

/** Write the configuration of the demo's gateway: the simulated devices, a sink across the WAN, and services that fit the line. */
export async function writeDemoConfiguration(
  simulation: Simulation,
  fixture: string,
  speed: number,
  places: DemoPlaces,
): Promise<void> {
  await simulation.configuration(places.configDirectory);
  const gateway = {
    gateway: { name: 'demo', asset: 'demo/gateway', data_dir: places.dataDirectory },
    broker: { listen: { port: 0 }, anonymous: { subscribe: ['uns/v1/#', 'evt/v1/#'] } },
    sinks: {
      upstream: {
        kind: 'mqtt',
        url: `mqtt://127.0.0.1:${places.wanPort}`,
        batch: { linger_ms: 250 },
        reconnect: { min_ms: 200, max_ms: 1_000 },
      },
    },
    services: await lineServices(fixture, simulation, speed),
  };
  await writeFile(join(places.configDirectory, 'gateway.yaml'), stringify(gateway));
}
