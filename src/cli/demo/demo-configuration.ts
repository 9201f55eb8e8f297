import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { TagDefinition } from '../../model/tag.ts';
import type { Simulation } from '../../simulate/simulator.ts';

export interface DemoPlaces {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Where the gateway reaches its upstream: the near end of the WAN. */
  readonly wanPort: number;
}

/** Line time between two judgements of an asset that no services file describes. */
const TICK_MS = 10_000;
const SHORTEST_TICK_MS = 50;
const MOST_SIGNALS = 32;

type Services = Record<string, Record<string, unknown>>;

/** Write the configuration of the demo's gateway: the simulated devices, a sink across the WAN, and services that fit the line. */
export async function writeDemoConfiguration(
  simulation: Simulation,
  fixture: string,
  speed: number,
  places: DemoPlaces,
): Promise<void> {
  await simulation.configuration(places.configDirectory);
  const servicesFile = join(fixture, 'services.yaml');
  const services: Services = existsSync(servicesFile)
    ? parse(await readFile(servicesFile, 'utf8'))
    : proposedServices(simulation.tags);
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
    services: atSpeed(services, speed),
  };
  await writeFile(join(places.configDirectory, 'gateway.yaml'), stringify(gateway));
}

/** Health of every asset that has numbers to learn from. */
function proposedServices(tags: readonly TagDefinition[]): Services {
  const byAsset = Map.groupBy(tags.filter(isMeasured), ({ asset }) => asset);
  const assets = [...byAsset].map(([asset, members]) => ({
    asset,
    signals: members.slice(0, MOST_SIGNALS).map(({ name }) => ({ tag: name })),
  }));
  return assets.length === 0 ? {} : { health: { tick_ms: TICK_MS, learn_ticks: 200, assets } };
}

function isMeasured({ type, bit }: TagDefinition): boolean {
  return bit === null && (type.startsWith('float') || type === 'auto');
}

function atSpeed(services: Services, speed: number): Services {
  const { health } = services;
  if (health === undefined) return services;
  const tickMs = Number(health['tick_ms'] ?? TICK_MS) / speed;
  return { ...services, health: { ...health, tick_ms: Math.max(SHORTEST_TICK_MS, Math.round(tickMs)) } };
}
