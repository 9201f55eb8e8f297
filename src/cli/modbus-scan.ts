import { componentSpecs } from '../component-specs.ts';
import { checkSchema } from '../config/schema-check.ts';
import { schemaNodeOf } from '../config/schema-node.ts';
import type { Area } from '../drivers/modbus/area.ts';
import type { ModbusConfig } from '../drivers/modbus/config.ts';
import type { FoundUnit } from '../drivers/modbus/find-units.ts';
import { counted } from '../model/counted.ts';
import { createObserver } from '../observe/observer.ts';
import { systemClock } from '../ports/system-clock.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson, printTable } from './output.ts';
import { withProgress } from './progress.ts';
import { needDevice } from './tag-select.ts';

export interface ModbusScanOptions {
  /** Use the connection of a configured device. */
  readonly device?: string;
  readonly host?: string;
  readonly port?: number;
  /** On TCP: what is spoken there. */
  readonly framing: 'tcp' | 'rtu' | 'ascii';
  readonly serial?: string;
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  /** `1-10,20`. */
  readonly units?: string;
  readonly areas: string;
  readonly timeoutMs: number;
  readonly pauseMs: number;
  readonly maxRequests: number;
}

/** Where register maps of real devices begin, in zero-based addresses. */
const ANCHORS = [
  0, 1, 2, 4, 8, 16, 20, 32, 50, 64, 99, 100, 128, 200, 256, 300, 400, 499, 500, 512, 768, 800, 999, 1_000, 1_024,
  1_280, 1_500, 1_999, 2_000, 2_048, 2_500, 2_999, 3_000, 3_500, 4_000, 4_095, 4_096, 4_999, 5_000, 6_000, 7_000, 8_000,
  8_192, 9_000, 9_999, 10_000, 12_288, 16_384, 19_000, 20_000, 20_480, 23_296, 30_000, 32_768, 36_864, 40_000, 40_001,
  41_000, 45_056, 49_152, 50_000, 53_248, 57_344, 60_000, 61_440, 65_535,
];
const AREAS: readonly Area[] = ['holding', 'input', 'coil', 'discrete'];

/** `headgate modbus scan`: which units are on a wire, who they are and what can be read; reads only, one request at a time. */
export async function modbusScan(context: CliContext, options: ModbusScanOptions): Promise<number> {
  const config = await configOf(context, options);
  const isSerial = config.driver !== 'modbus-tcp';
  const units = parseUnits(options.units ?? (isSerial ? '1-247' : '1-16,247,255,0'));
  const areas = parseAreas(options.areas);
  const { findUnits } = await import('../drivers/modbus/find-units.ts');
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: context.environment['HEADGATE_DEBUG'] === undefined ? 'error' : 'debug',
    format: 'text',
  });
  const found: FoundUnit[] = [];
  await withProgress(context, 'looking', async (onProgress) => {
    const { maxRequests } = options;
    const search = findUnits({
      ...{ config, units, areas, anchors: ANCHORS, maxRequests, onProgress, stop: context.stop },
      ...{ clock: systemClock, random: Math.random, observer },
    });
    for await (const unit of search) found.push(unit);
  });
  if (context.isJson) printJson(context, { asked: units.length, found });
  else show(context, found, units.length);
  return found.length > 0 ? EXIT.ok.code : EXIT.failed.code;
}

function show(context: CliContext, found: readonly FoundUnit[], asked: number): void {
  if (found.length === 0) {
    context.out(`${counted(asked, 'unit')} asked, none answered\n`);
    return;
  }
  const searched = found.filter(({ sameAs }) => sameAs === null);
  const rows = searched.flatMap(({ unit, identity, latencyMs, areas }) => [
    [
      String(unit),
      `answers in ${latencyMs.toFixed(0)} ms`,
      Object.entries(identity ?? {})
        .filter(([key]) => key !== 'unit')
        .map(([key, value]) => `${key} ${value}`)
        .join(', ') || 'does not say who it is',
    ],
    ...areas.map(({ area, isThere, ranges, isComplete }) => [
      '',
      area,
      isThere
        ? `${ranges.map(({ first, last, isOpen }) => `${first}–${last}${isOpen ? ' and on' : ''}`).join(', ') || 'nothing found'}${isComplete ? '' : ' (not searched to the end)'}`
        : 'not there',
    ]),
  ]);
  printTable(context, ['unit', '', 'zero-based addresses'], rows);
  const isEverybody = found.length === asked && asked > 4;
  for (const { unit } of searched) {
    const alike = found.filter(({ sameAs }) => sameAs === unit).map((one) => one.unit);
    if (alike.length === 0) continue;
    const seems =
      isEverybody && searched.length === 1
        ? 'the device seems to answer for every unit id'
        : 'one device, it seems, or several that hold the same';
    context.out(`\n${namedUnits(alike)} exactly like unit ${unit}, whose map was read: ${seems}\n`);
  }
  if (isEverybody && searched.length > 1)
    context.out('\nevery unit id answers: a device that does not look at it, or a gateway that answers itself\n');
}

/** `unit 3 answers`, `units 2–16, 247 answer`. */
function namedUnits(units: readonly number[]): string {
  const [only, ...more] = units;
  if (more.length === 0) return `unit ${only} answers`;
  const runs: [first: number, last: number][] = [];
  for (const unit of units.toSorted((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === unit - 1) run[1] = unit;
    else runs.push([unit, unit]);
  }
  return `units ${runs.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(', ')} answer`;
}

async function configOf(context: CliContext, options: ModbusScanOptions): Promise<ModbusConfig> {
  const { device, host, port, serial, framing, baud, parity, timeoutMs, pauseMs } = options;
  const own = { timeout_ms: timeoutMs, pause_ms: pauseMs };
  if (device !== undefined) {
    const { driver, config } = needDevice(await needConfiguration(context), device);
    if (!driver.startsWith('modbus-')) throw usageError('modbus scan', `${device} is no Modbus device`);
    return { ...(config as unknown as ModbusConfig), ...own };
  }
  if ((host === undefined) === (serial === undefined)) {
    throw usageError('modbus scan', 'name one of --device NAME, --host ADDRESS and --serial PATH');
  }
  const kind = serial === undefined ? (framing === 'tcp' ? 'modbus-tcp' : `modbus-${framing}-tcp`) : null;
  const driver = kind ?? (framing === 'ascii' ? 'modbus-ascii' : 'modbus-rtu');
  const given =
    serial === undefined
      ? { host, ...(port === undefined ? {} : { port }) }
      : { path: serial, baud_rate: baud, parity };
  const spec = componentSpecs.drivers.find((known) => known.kind === driver);
  const written = { name: 'scan', driver, ...given, ...own };
  const { value, issues } = checkSchema(schemaNodeOf(spec?.schema ?? {}), written);
  const [issue] = issues;
  if (issue !== undefined) throw usageError('modbus scan', `${issue.path.join('.')}: expected ${issue.expected}`);
  return value as ModbusConfig;
}

function parseUnits(text: string): number[] {
  const units = new Set<number>();
  for (const part of text.split(',')) {
    const [, from, to = from] = /^\s*(\d{1,3})(?:-(\d{1,3}))?\s*$/.exec(part) ?? [];
    const [low, high] = [Number(from), Number(to)];
    if (from === undefined || high > 255 || low > high) {
      throw usageError(
        'modbus scan',
        `--units ${JSON.stringify(text)}: expected unit ids from 0 to 255, such as 1-10,20`,
      );
    }
    for (let unit = low; unit <= high; unit++) units.add(unit);
  }
  return [...units];
}

function parseAreas(text: string): Area[] {
  return text.split(',').map((name) => {
    const area = AREAS.find((known) => known === name.trim());
    if (area === undefined) {
      throw usageError('modbus scan', `--areas ${JSON.stringify(name)}: expected ${AREAS.join(', ')}`);
    }
    return area;
  });
}
