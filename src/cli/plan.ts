import { componentSpecs } from '../component-specs.ts';
import { foreseeWires } from '../config/check-wires.ts';
import type { Configuration } from '../config/configuration.ts';
import { diffTags, type TagDiff } from '../config/tag-diff.ts';
import {
  costliestTags,
  describeSlowDowns,
  shortestPeriodMs,
  slowDowns,
  type WireForecast,
} from '../config/wire-forecast.ts';
import type { Millis } from '../model/time.ts';
import type { StatusReport } from '../ports/control.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { askDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatValue } from './format.ts';
import { printFacts, printHeading, printJson, printTable, tinted } from './output.ts';
import { withProgress } from './progress.ts';

const COSTLIEST = 10;
const MAX_SHOWN = 20;

/**
 * `headgate plan [DIR]`: what a configuration asks of each wire, and what it would change of a running daemon. Exit 65 when a wire is asked for
 * more than it can carry.
 */
export async function plan(context: CliContext): Promise<number> {
  const configuration = await needConfiguration(context);
  const running = await askDaemon(context, (daemon) => daemon.tags());
  const measured = (await askDaemon(context, async (daemon) => measuredBy(await daemon.status()))) ?? new Map();
  const forecasts = await withProgress(context, 'planning', async () => forecastsOf(configuration, measured));
  const changes = running === null ? null : diffTags(running, configuration.tags);
  const isOverloaded = forecasts.some(({ utilisation, isKnown }) => isKnown && utilisation > 1);
  if (context.isJson) printJson(context, { ok: !isOverloaded, wires: forecasts.map(shownOf), changes });
  else {
    for (const forecast of forecasts) printForecast(context, forecast);
    if (forecasts.length === 0) context.out('nothing is polled: there is no wire to plan\n');
    if (changes === null) context.err('the daemon is not running: what would change is not known\n');
    else printChanges(context, changes);
  }
  return isOverloaded ? EXIT.overloaded.code : EXIT.ok.code;
}

/** How long each device takes to begin its answers, as the daemon finds. */
function measuredBy({ devices }: StatusReport): Map<string, Millis> {
  return new Map(
    devices.flatMap(({ name, stats }) => {
      const ms = stats?.latencyMs ?? null;
      return ms === null ? [] : [[name, ms] as const];
    }),
  );
}

/** What polling asks of each wire of a configuration. @param measured latencies by device, which count before configured ones */
export function forecastsOf(
  { devices, tags }: Configuration,
  measured: ReadonlyMap<string, Millis>,
): readonly WireForecast[] {
  const specs = new Map(componentSpecs.drivers.map((spec) => [spec.kind, spec]));
  return foreseeWires(
    devices.map((device) => ({ device, spec: specs.get(device.driver) ?? null })),
    tags,
    measured,
  );
}

/** A forecast as `--json` gives it. */
export function shownOf(forecast: WireForecast) {
  const { wire, isKnown, basis, requestsPerSecond, utilisation, groups } = forecast;
  return {
    ...{ wire, isKnown, basis, requestsPerSecond, utilisation },
    groups: groups.map((group) => ({ ...group, shortestPeriodMs: shortestPeriodMs(forecast, group) })),
    costliestTags: costliestTags(forecast, COSTLIEST),
    slowDown: slowDowns(forecast),
  };
}

function printForecast(context: CliContext, forecast: WireForecast): void {
  const { wire, basis, requestsPerSecond, utilisation, isKnown } = forecast;
  const level = utilisation <= 0.9 ? 'good' : utilisation <= 1 || !isKnown ? 'warn' : 'bad';
  printHeading(context, wire);
  printFacts(context, [
    ['utilisation', `${tinted(context, level, percent(utilisation))}${isKnown ? '' : ' (a guess)'}`],
    ['requests', `${requestsPerSecond.toFixed(1)} a second`],
    ['worked out', basis],
  ]);
  context.out('\n');
  printGroups(context, forecast);
  if (utilisation > 1) {
    const word = isKnown ? tinted(context, 'bad', 'error') : tinted(context, 'warn', 'perhaps');
    context.out(`\n${word}: more than the wire can carry: ${describeSlowDowns(slowDowns(forecast))}\n`);
  }
}

/** What each group takes, or those of one device, and which of their tags cost most. */
export function printGroups(context: CliContext, forecast: WireForecast, device?: string): void {
  const isOwn = (row: { readonly device: string }) => device === undefined || row.device === device;
  const rows = forecast.groups
    .filter(isOwn)
    .map((group) => [
      group.device,
      String(group.periodMs),
      String(group.tags),
      String(group.reads.length),
      group.busMs.toFixed(1),
      percent(group.utilisation),
      formatPeriod(shortestPeriodMs(forecast, group)),
      `${Number(group.latency.ms.toFixed(1))} ${group.latency.from}`,
    ]);
  const head = ['device', 'period ms', 'tags', 'requests', 'bus ms', 'of the wire', 'shortest ms', 'latency ms'];
  printTable(context, head, rows);
  const costly = costliestTags({ ...forecast, groups: forecast.groups.filter(isOwn) }, COSTLIEST);
  context.out('\n');
  printTable(
    context,
    ['costliest tags', 'device', 'period ms', 'bus ms a second'],
    costly.map(({ tag, device, periodMs, busMsPerSecond }) => [
      tag,
      device,
      String(periodMs),
      busMsPerSecond.toFixed(2),
    ]),
  );
}

function printChanges(context: CliContext, { added, removed, changed }: TagDiff): void {
  printHeading(context, 'Tags, against the running daemon');
  const count = `${added.length} added, ${removed.length} removed, ${changed.length} changed`;
  context.out(`${count}\n`);
  for (const tag of added.slice(0, MAX_SHOWN)) context.out(`+ ${tag}\n`);
  for (const tag of removed.slice(0, MAX_SHOWN)) context.out(`- ${tag}\n`);
  for (const { tag, fields } of changed.slice(0, MAX_SHOWN)) {
    const what = fields.map(({ field, from, to }) => `${field} ${formatValue(from)} → ${formatValue(to)}`);
    context.out(`~ ${tag}: ${what.join(', ')}\n`);
  }
  if (Math.max(added.length, removed.length, changed.length) > MAX_SHOWN) context.out('… all of them with --json\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function formatPeriod(ms: number | null): string {
  return ms === null ? 'none' : String(Math.ceil(ms));
}
