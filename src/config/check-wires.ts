import { TagSelection, type TagSequence } from '../model/tag-columns.ts';
import type { Millis } from '../model/time.ts';
import type { CheckedDevice } from './check-devices.ts';
import type { FileProblems } from './file-problems.ts';
import { describeSlowDowns, type PolledDevice, slowDowns, type WireForecast } from './wire-forecast.ts';

/**
 * What is polled over each wire whose driver can foresee it. Devices that are not sound are left out.
 * @param measured latencies by device, where they are known
 */
export function foreseeWires(
  devices: readonly Pick<CheckedDevice, 'device' | 'spec'>[],
  tags: TagSequence,
  measured: ReadonlyMap<string, Millis> = new Map(),
): readonly WireForecast[] {
  const byDevice = placesByDevice(tags);
  const wires = new Map<
    string,
    { readonly foresee: (devices: readonly PolledDevice[]) => WireForecast; readonly polled: PolledDevice[] }
  >();
  for (const { device, spec } of devices) {
    const own = device === null ? undefined : byDevice.get(device.name);
    const key = device === null ? undefined : spec?.connection?.(device.config).key;
    if (device === null || own === undefined || key === undefined || spec?.foresee === undefined) continue;
    const wire = wires.get(key) ?? { foresee: spec.foresee, polled: [] };
    wires.set(key, wire);
    const measuredMs = measured.get(device.name);
    const polled = { name: device.name, config: device.config, tags: new TagSelection(tags, own) };
    wire.polled.push(measuredMs === undefined ? polled : { ...polled, measuredMs });
  }
  return [...wires.values()].map(({ foresee, polled }) => foresee(polled));
}

/** Warn of wires that are asked for more than they can carry, at the device that takes most of it. */
export function checkWires(
  devices: readonly CheckedDevice[],
  tags: TagSequence,
  problemsOf: (file: string) => FileProblems | undefined,
): void {
  for (const forecast of foreseeWires(devices, tags)) {
    const { utilisation, isKnown, wire, groups, basis } = forecast;
    if (utilisation <= 1 || !isKnown) continue;
    const [most] = [...groups].sort((a, b) => b.utilisation - a.utilisation);
    const device = devices.find((candidate) => candidate.name === most?.device)?.device;
    if (device === undefined || device === null) continue;
    problemsOf(device.file)?.add(['name'], 'value', {
      severity: 'warning',
      code: 'CONFIG_WIRE_OVERLOADED',
      found: `tags that take ${wire} ${Math.round(utilisation * 1_000)} ms of each second (${basis})`,
      expected: `at most 1000: ${describeSlowDowns(slowDowns(forecast))}; "headgate plan" shows what costs most`,
    });
  }
}

function placesByDevice(tags: TagSequence): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  let place = 0;
  for (const { device } of tags) {
    const own = places.get(device);
    if (own === undefined) places.set(device, [place]);
    else own.push(place);
    place++;
  }
  return places;
}
