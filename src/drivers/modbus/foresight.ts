import type { ForeseenGroup, ForeseenRead, PolledDevice, WireForecast } from '../../config/wire-forecast.ts';
import type { Millis } from '../../model/time.ts';
import { busTiming, readMs } from './bus-timing.ts';
import type { ModbusConfig } from './config.ts';
import { formatExtent } from './extent-text.ts';
import { planReads, readsOf } from './plan.ts';
import { type ModbusPoint, pointOf } from './point.ts';
import { connectionKeyOf, type ModbusSettings, settingsOf } from './settings.ts';

/**
 * What polling devices asks of the wire that they share: the requests that their scans will make, with the least time that each can take.
 * Retries, probes, writes and reads on demand come on top.
 * @param devices of one connection, at least one; their addresses valid
 */
export function foreseeModbus(devices: readonly PolledDevice[]): WireForecast {
  const configs = devices.map(({ config }) => config as ModbusConfig);
  const groups = devices.flatMap((device, index) => groupsOf(device, configs[index] as ModbusConfig));
  const first = configs[0] as ModbusConfig;
  const { line, framing } = settingsOf(first);
  const isMeasured = configs.every((config) => config.latency_ms !== undefined);
  const latencies = [...new Set(configs.map((config) => settingsOf(config).latencyMs))].join(', ');
  const speed = line === null ? framing.toUpperCase() : `${framing.toUpperCase()} at ${line.baudRate} baud`;
  return {
    wire: connectionKeyOf(first),
    isKnown: line !== null || isMeasured,
    basis: `${speed}, units answering after ${latencies} ms${isMeasured ? '' : ', which is a guess: latency_ms says it'}`,
    groups,
    requestsPerSecond: groups.reduce((sum, { reads, periodMs }) => sum + (reads.length * 1_000) / periodMs, 0),
    utilisation: groups.reduce((sum, { utilisation }) => sum + utilisation, 0),
  };
}

function groupsOf(device: PolledDevice, config: ModbusConfig): ForeseenGroup[] {
  const settings = settingsOf(config);
  const polled = device.tags.values().filter(({ access }) => access !== 'w');
  const byPeriod = [...Map.groupBy(polled, ({ scanMs }) => scanMs)].sort(([a], [b]) => a - b);
  return byPeriod.map(([periodMs, tags]): ForeseenGroup => {
    const points = tags.map((tag) => ({ name: tag.name, point: pointOf(tag, settings.unit) }));
    const reads = [...Map.groupBy(points, ({ point }) => point.unit)].flatMap(([unit, own]) =>
      readsOfUnit(unit, own, settings),
    );
    const busMs = reads.reduce((sum, read) => sum + read.busMs, 0);
    const utilisation = busMs / settings.maxInFlight / periodMs;
    return { device: device.name, periodMs, tags: tags.length, reads, busMs, utilisation };
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
      busMs: busMsOf(read, settings),
    })),
  );
}

function busMsOf(read: Parameters<typeof readMs>[1], { framing, line, pauseMs, latencyMs }: ModbusSettings): Millis {
  return readMs(busTiming(framing, line, pauseMs), read, latencyMs);
}
