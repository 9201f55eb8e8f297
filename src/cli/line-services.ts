import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { severityOf } from '../model/quality.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { Fixture } from '../simulate/fixture.ts';
import type { Simulation } from '../simulate/simulator.ts';

/** `services` of gateway.yaml. */
export type Services = Record<string, Record<string, unknown>>;

/** A simulated line: what was recorded, and its tags with the scan periods that fit the speed. */
type Line = Pick<Simulation, 'fixture' | 'tags'>;

/** Line time between two judgements of an asset that no services file describes. */
const TICK_MS = 10_000;
const SHORTEST_TICK_MS = 50;
const LONGEST_TICK_MS = 60_000;
/** How much of a recording makes the baseline: the rest is to be judged by it. */
const LEARNING_SHARE = 0.25;
const LEAST_LEARN_TICKS = 30;
const MOST_LEARN_TICKS = 360;
/** A signal is stale after so many of its periods without news. */
const STALE_PERIODS = 20;
const LEAST_STALE_MS = 180_000;
const MOST_SIGNALS = 32;
/** A signal that has a value less often than this is nothing to learn from. */
const LEAST_GOOD_SHARE = 0.5;

/**
 * The services that suit a simulated line: those of `services.yaml` in the fixture folder, else health of every asset that has
 * measurements; with the times that fit the speed.
 * @param path the fixture folder or CSV file
 */
export async function lineServices(path: string, line: Line, speed: number): Promise<Services> {
  const file = join(path, 'services.yaml');
  return existsSync(file) ? atSpeed(parse(await readFile(file, 'utf8')), speed) : proposedServices(line, speed);
}

function proposedServices({ fixture, tags }: Line, speed: number): Services {
  const shares = goodShares(fixture);
  const measured = tags.filter((tag) => isMeasured(tag) && (shares.get(tagKey(tag)) ?? 0) >= LEAST_GOOD_SHARE);
  const assets = [...Map.groupBy(measured, ({ asset }) => asset)].map(([asset, members]) => ({
    asset,
    signals: members.slice(0, MOST_SIGNALS).map(({ name }) => ({ tag: name })),
  }));
  if (assets.length === 0) return {};
  const periodMs = Math.max(...measured.map(({ scanMs }) => scanMs));
  const tickMs = wallTick(Math.max(TICK_MS / speed, periodMs));
  const ticks = fixture.manifest.recorded.duration_ms / speed / tickMs;
  const learnTicks = Math.round(Math.min(MOST_LEARN_TICKS, Math.max(LEAST_LEARN_TICKS, ticks * LEARNING_SHARE)));
  const staleMs = Math.max(LEAST_STALE_MS, STALE_PERIODS * periodMs);
  return { health: { tick_ms: tickMs, learn_ticks: learnTicks, stale_ms: staleMs, assets } };
}

function isMeasured({ type, bit }: TagDefinition): boolean {
  return bit === null && (type.startsWith('float') || type === 'auto');
}

/** How much of what was recorded of each tag is a value that is not Bad. */
function goodShares({ series }: Fixture): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const one of series) {
    const all = new Uint32Array(one.tags.length);
    const good = new Uint32Array(one.tags.length);
    for (let position = 0; position < one.length; position++) {
      const tag = one.tag(position);
      all[tag] = (all[tag] ?? 0) + 1;
      if (severityOf(one.status(position)) !== 'bad') good[tag] = (good[tag] ?? 0) + 1;
    }
    one.tags.forEach((tag, index) => {
      shares.set(tagKey(tag), (good[index] ?? 0) / Math.max(1, all[index] ?? 0));
    });
  }
  return shares;
}

function tagKey({ device, asset, name }: TagDefinition): string {
  return `${device} ${asset}/${name}`;
}

function atSpeed(services: Services, speed: number): Services {
  const { health } = services;
  if (health === undefined) return services;
  return { ...services, health: { ...health, tick_ms: wallTick(Number(health['tick_ms'] ?? TICK_MS) / speed) } };
}

function wallTick(tickMs: number): number {
  return Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, Math.round(tickMs)));
}
