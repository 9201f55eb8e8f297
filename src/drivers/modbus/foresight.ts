import {
  describeLatencies,
  type ForeseenGroup,
  type ForeseenRead,
  type PolledDevice,
  type WireForecast,
} from '../../config/wire-forecast.ts';
import type { ModbusConfig } from './config.ts';
import { formatExtent } from './extent-text.ts';
import { planReads, readsOf } from './plan.ts';
import type { KnownPace } from './planned-pace.ts';
import { type ModbusPoint, pointOf } from './point.ts';
import { readCost, readTimeMs } from './read-cost.ts';
import { connectionKeyOf, type ModbusSettings, settingsOf } from './settings.ts';

/**
 * What polling devices asks of the wire that they share: the requests that their scans will make, with the least time that each can take.
 * Retries, probes, writes and reads on demand come on top.
 * @param devices of one connection, at least one; their addresses valid
 */
export function foreseeModbus(devices: readonly PolledDevice[]): WireForecast {
  const planned = devices.map((device) => ({ device, settings: plannedBy(device) }));
  const groups = planned.flatMap(({ device, settings }) => groupsOf(device, settings));
  const first = devices[0]?.config as ModbusConfig;
  const { line, framing } = settingsOf(first);
  const isTimed = planned.every(({ settings }) => settings.pace.from !== 'guessed');
  const latencies = planned.map(({ settings: { pace } }) => ({ ms: pace.latencyMs, from: pace.from }));
  const speed = line === null ? framing.toUpperCase() : `${framing.toUpperCase()} at ${line.baudRate} baud`;
  return {
    wire: connectionKeyOf(first),
    isKnown: line !== null || isTimed,
    basis: `${speed}, units answering after ${describeLatencies(latencies)}`,
    groups,
    requestsPerSecond: groups.reduce((sum, { reads, periodMs }) => sum + (reads.length * 1_000) / periodMs, 0),
    utilisation: groups.reduce((sum, { utilisation }) => sum + utilisation, 0),
  };
}

/** The settings of a device, with the latency that was measured if one was. */
function plannedBy({ config, measuredMs }: PolledDevice): ModbusSettings {
  const settings = settingsOf(config as ModbusConfig);
  if (measuredMs === undefined) return settings;
  const pace: KnownPace = { latencyMs: measuredMs, registerMs: null, from: 'measured' };
  return { ...settings, pace, costOf: readCost(settings.timing, pace) };
}

function groupsOf(device: PolledDevice, settings: ModbusSettings): ForeseenGroup[] {
  const { latencyMs, from } = settings.pace;
  const polled = device.tags.values().filter(({ access }) => access !== 'w');
  const byPeriod = [...Map.groupBy(polled, ({ scanMs }) => scanMs)].sort(([a], [b]) => a - b);
  return byPeriod.map(([periodMs, tags]): ForeseenGroup => {
    const points = tags.map((tag) => ({ name: tag.name, point: pointOf(tag, settings.unit) }));
    const reads = [...Map.groupBy(points, ({ point }) => point.unit)].flatMap(([unit, own]) =>
      readsOfUnit(unit, own, settings),
    );
    const busMs = reads.reduce((sum, read) => sum + read.busMs, 0);
    const utilisation = busMs / settings.maxInFlight / periodMs;
    const latency = { ms: latencyMs, from };
    return { device: device.name, latency, periodMs, tags: tags.length, reads, busMs, utilisation };
  });
}

function readsOfUnit(
  unit: number,
  tags: readonly { readonly name: string; readonly point: ModbusPoint }[],
  settings: ModbusSettings,
): ForeseenRead[] {
  const points = tags.map(({ point }) => point);
  return planReads(points, settings).flatMap((block) =>
    readsOf(block, settings).map((read) => ({
      place: `unit ${unit} ${formatExtent(read)}`,
      tags: block.points.map((position) => tags[position]?.name ?? ''),
      busMs: readTimeMs(settings.timing, read, settings.pace),
    })),
  );
}
