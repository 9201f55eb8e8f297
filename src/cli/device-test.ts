import type { Configuration, DeviceConfiguration } from '../config/configuration.ts';
import type { WireForecast } from '../config/wire-forecast.ts';
import { messageOf } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import { isGood } from '../model/quality.ts';
import type { Reading } from '../model/reading.ts';
import type { TagDefinition } from '../model/tag.ts';
import { scaleValue, scalingOf } from '../pipeline/scaling.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { openDevices } from './direct-devices.ts';
import { EXIT } from './exit-code.table.ts';
import { formatDuration, formatQuality, formatReading, formatTime, formatValue } from './format.ts';
import { oneLine, printFacts, printJson, printTable, tinted } from './output.ts';
import { forecastsOf, printGroups, shownOf } from './plan.ts';
import { withProgress } from './progress.ts';
import { addressShower } from './tag-list.ts';
import { needDevice } from './tag-select.ts';

/** Reads beside the test itself, so that one slow answer does not count for all. */
const LATENCY_SAMPLES = 5;

/** What a test found; exit 0 only if the device answered and every tag was read. */
interface DeviceTest {
  readonly device: string;
  readonly driver: string;
  readonly identity: Readonly<Record<string, string>> | null;
  readonly identifyMs: number;
  readonly error: string | null;
  readonly readMs: number;
  /** How long the device takes to begin an answer; null where its driver does not measure it. */
  readonly latencyMs: number | null;
  /** What is asked of its wire with this latency; null where it cannot be foreseen. */
  readonly wire: ReturnType<typeof shownOf> | null;
  readonly tags: readonly {
    readonly tag: string;
    readonly address: string;
    readonly resolvedAddress: string;
    /** As the device holds it. */
    readonly raw: Reading['value'];
    /** Scaled, as it is reported. */
    readonly value: Reading['value'];
    readonly unit: string;
    readonly quality: string;
    readonly isGood: boolean;
    readonly time: number | null;
  }[];
}

/** `headgate device test NAME`: connect with the real driver, beside the daemon or without it, and read every tag once. */
export async function deviceTest(context: CliContext, name: string): Promise<number> {
  const configuration = await needConfiguration(context);
  const device = needDevice(configuration, name);
  const tags = [...configuration.tags].filter((tag) => tag.device === name && tag.access !== 'w');
  const devices = await openDevices(context, configuration, { devices: [device], isPolling: false });
  try {
    const driver = devices.driverOf(name);
    let forecast: WireForecast | null = null;
    const result = await withProgress(context, `testing ${name}`, async (progress): Promise<DeviceTest> => {
      const start = performance.now();
      let identity: DeviceTest['identity'] = null;
      let error: string | null = null;
      try {
        identity = await driver.identify(name);
      } catch (cause) {
        error = messageOf(cause);
      }
      const identifyMs = performance.now() - start;
      progress(`reading ${counted(tags.length, 'tag')}`);
      const reading = performance.now();
      let readings: readonly Reading[] = [];
      try {
        if (error === null && tags.length > 0) readings = await driver.readNow(name, tags);
      } catch (cause) {
        error = messageOf(cause);
      }
      const readMs = performance.now() - reading;
      const [probe] = tags;
      if (error === null && probe !== undefined) {
        for (let sample = 0; sample < LATENCY_SAMPLES; sample++) await driver.readNow(name, [probe]);
      }
      const latencyMs = driver.stats().find((stats) => stats.device === name)?.latencyMs ?? null;
      if (latencyMs !== null) forecast = forecastWith(configuration, device, latencyMs);
      const shown = addressShower(configuration);
      return {
        device: name,
        driver: device.driver,
        identity,
        identifyMs,
        error,
        readMs,
        latencyMs: latencyMs === null ? null : Number(latencyMs.toFixed(1)),
        wire: forecast === null ? null : shownOf(forecast),
        tags: tags.map(rowOf(readings, shown)),
      };
    });
    if (context.isJson) printJson(context, result);
    else print(context, result, forecast);
    const isGoodAll = result.error === null && result.tags.every((row) => row.isGood);
    return isGoodAll ? EXIT.ok.code : EXIT.failed.code;
  } finally {
    await devices.close();
  }
}

function rowOf(readings: readonly Reading[], shown: (tag: TagDefinition) => string) {
  return (tag: TagDefinition, index: number): DeviceTest['tags'][number] => {
    const reading = readings[index];
    const scaled = reading === undefined ? null : scaleValue(scalingOf(tag), reading.value, reading.status);
    return {
      tag: `${tag.asset}/${tag.name}`,
      address: tag.address,
      resolvedAddress: shown(tag),
      raw: reading?.value ?? null,
      value: scaled?.value ?? null,
      unit: tag.unit,
      quality: scaled === null ? 'not read' : formatQuality(scaled.status),
      isGood: scaled !== null && isGood(scaled.status),
      time: reading?.time ?? null,
    };
  };
}

function print(context: CliContext, result: DeviceTest, forecast: WireForecast | null): void {
  const identity = Object.entries(result.identity ?? {}).map(([key, value]) => `${key}: ${value}`);
  printFacts(context, [
    ['device', `${result.device} (${result.driver})`],
    ['answers', result.identity === null ? 'no' : `yes, in ${formatDuration(result.identifyMs)}`],
    ...(identity.length === 0 ? [] : [['identity', identity.join(', ')] as const]),
    ...(result.error === null ? [] : [['error', oneLine(result.error)] as const]),
  ]);
  if (result.identity === null || result.tags.length === 0) return;
  context.out('\n');
  const rows = result.tags.map((row) => [
    row.tag,
    row.address,
    row.resolvedAddress,
    formatValue(row.raw),
    formatReading({ value: row.value }, row.unit),
    tinted(context, row.isGood ? 'good' : 'bad', row.quality),
    row.time === null ? '' : formatTime(row.time),
  ]);
  printTable(context, ['tag', 'address', 'resolved', 'raw', 'value', 'quality', 'source time'], rows);
  context.out(`\n${counted(result.tags.length, 'tag')} read in ${formatDuration(result.readMs)}\n`);
  const { latencyMs } = result;
  if (latencyMs === null) return;
  context.out(`answers begin after ${latencyMs} ms; for plans and predictions: latency_ms: ${latencyMs}\n`);
  if (forecast === null) return;
  const { utilisation } = forecast;
  const level = utilisation <= 0.9 ? 'good' : utilisation <= 1 ? 'warn' : 'bad';
  const share = tinted(context, level, `${(utilisation * 100).toFixed(1)} %`);
  context.out(`with that, the scans of all devices take ${share} of its wire:\n\n`);
  printGroups(context, forecast, result.device);
}

/** What is asked of the wire of a device if it answers so fast; null where that cannot be foreseen. */
function forecastWith(
  configuration: Configuration,
  device: DeviceConfiguration,
  latencyMs: number,
): WireForecast | null {
  const forecast = forecastsOf(configuration, new Map([[device.name, latencyMs]])).find(({ groups }) =>
    groups.some((group) => group.device === device.name),
  );
  return forecast ?? null;
}
