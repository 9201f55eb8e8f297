import { basename, dirname, resolve } from 'node:path';
import { HeadgateError } from '../errors/headgate-error.ts';
import { proposeSegment } from '../model/asset.ts';
import { Status, type StatusCode } from '../model/quality.ts';
import type { DataType, TagDefinition, TagValue } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import { type CsvColumn, type CsvTable, readCsvTable } from './csv-columns.ts';
import { type Fixture, TAG_DEFAULTS } from './fixture.ts';
import { FIXTURE_FORMAT, type FixtureDevice } from './fixture-manifest.ts';
import { registerCount } from './register-codec.ts';
import { type Series, SeriesBuilder } from './series.ts';

/** `mixed`: digital and whole-number signals by Modbus, analogue ones and texts by OPC UA. */
export type CsvProtocol = 'mixed' | 'opcua' | 'modbus-tcp';

/** OPC UA's code for "there is no data at this time". Source: OPC 10000-6 Annex A.2. */
const BAD_NO_DATA: StatusCode = 0x809b0000;
const MAX_STRING_LENGTH = 250;
/** The period of a file of one row, which shows none. */
const LONE_ROW_MS: Millis = 1000;
const CSV_NAMESPACE = 'urn:headgate:simulation:csv';

/** A signal with what was proposed for it. */
interface Signal {
  readonly column: CsvColumn;
  readonly type: DataType;
  readonly name: string;
  readonly unit: string;
  readonly length: number | null;
}

/**
 * What a historian exported (a time column, one column per signal) as a fixture: types, names, units and a tag table are
 * proposed from the data. An empty cell, and a word in a column of numbers (`Bad`, `#N/A`), is Bad_NoData, never the value before.
 * @throws FIXTURE_NOT_FOUND, CSV_UNREADABLE with the line
 */
export async function readCsvFixture(
  path: string,
  options: { readonly protocol?: CsvProtocol } = {},
): Promise<Fixture> {
  const table = await readCsvTable(path);
  const name = nameOf(path);
  const first = table.times.reduce((low, time) => Math.min(low, time), Number.POSITIVE_INFINITY);
  const last = table.times.reduce((high, time) => Math.max(high, time), Number.NEGATIVE_INFINITY);
  const periodMs = medianStep(table.times);
  const signals = proposeSignals(table);
  const isModbus = divide(signals, options.protocol ?? 'mixed');
  const devices: FixtureDevice[] = [];
  const tags: TagDefinition[] = [];
  const series: Series[] = [];
  for (const protocol of ['opcua', 'modbus-tcp'] as const) {
    const own = signals.filter((_signal, index) => isModbus[index] === (protocol === 'modbus-tcp'));
    if (own.length === 0) continue;
    const device = `${name}-${protocol === 'opcua' ? 'opcua' : 'modbus'}`;
    devices.push({
      name: device,
      protocol,
      what: `Signals of ${basename(path)}`,
      ...(protocol === 'opcua' ? { namespaces: ['urn:headgate:simulation', CSV_NAMESPACE] } : { unit: 1 }),
    });
    const place = protocol === 'opcua' ? nodePlaces(name) : registerPlaces();
    const ownTags = own.map(
      (signal): TagDefinition => ({
        ...TAG_DEFAULTS,
        device,
        name: signal.name,
        asset: `simulated/${name}`,
        address: place(signal),
        type: signal.type,
        length: signal.length,
        unit: signal.unit,
        scanMs: periodMs,
        description: signal.column.header === signal.name ? '' : signal.column.header,
      }),
    );
    tags.push(...ownTags);
    series.push(buildSeries({ device, periodMs, tags: ownTags }, { table, signals: own, first }));
  }
  return {
    manifest: {
      format: FIXTURE_FORMAT,
      name,
      description: `${signals.length} signals of ${basename(path)}`,
      recorded: {
        at: new Date(first).toISOString(),
        duration_ms: last - first + periodMs,
        source: `the historian export ${basename(path)}; protocols, addresses and types are proposed from the data`,
        through_drivers: false,
      },
      devices,
      series: series.map((one) => ({
        device: one.device,
        period_ms: periodMs,
        file: basename(path),
        readings: one.length,
      })),
    },
    devices,
    tags,
    series,
    deviceConfigs: new Map(),
  };

  function proposeSignals({ columns }: CsvTable): Signal[] {
    const taken = new Set<string>();
    return columns.map((column, position) => {
      const [, label = column.header, unit = column.unit] =
        /^(.*\S)\s*[([{]([^)\]}]{1,16})[)\]}]$/.exec(column.header) ?? [];
      const base = label.trim() === '' ? `signal_${position + 1}` : proposeSegment(label);
      let proposed = base;
      for (let copy = 2; taken.has(proposed); copy++) proposed = `${base.slice(0, 60)}_${copy}`;
      taken.add(proposed);
      const type = proposeType(column);
      return { column, type, name: proposed, unit, length: type === 'string' ? longestText(column) : null };
    });
  }

  function medianStep(times: readonly number[]): Millis {
    if (times.length === 1) return LONE_ROW_MS;
    // Rows may come newest first, or in no order.
    const ordered = Float64Array.from(times).sort();
    const steps = ordered
      .map((time, row) => time - (ordered[row - 1] ?? time))
      .filter((step) => step > 0)
      .sort();
    const median = steps[Math.floor(steps.length / 2)];
    if (median === undefined) {
      throw new HeadgateError('CSV_UNREADABLE', { path, place: 'time column', problem: 'all rows have the same time' });
    }
    return Math.max(1, Math.round(median));
  }
}

/** The file's name; with its folder's when it is only a number: `valve1/0.csv` → `valve1_0`. */
function nameOf(path: string): string {
  const file = basename(path).replace(/(\.(csv|txt|tsv))?(\.gz)?$/i, '');
  const isNumber = /^\d+$/.test(file);
  return proposeSegment(isNumber ? `${basename(dirname(resolve(path)))}_${file}` : file).slice(0, 50);
}

/** The speed at which a recording lasts about so long. */
export function speedToLast(fixture: Fixture, wallMs: Millis): number {
  return fixture.manifest.recorded.duration_ms / wallMs;
}

/** bool for 0 and 1 (also as 0.0, true, off), whole numbers, floating point, or text when most cells are words. */
function proposeType(column: CsvColumn): DataType {
  if (column.textCount > column.numberCount) {
    const words = new Set([...column.texts()].map((text) => text.toLowerCase()));
    return [...words].every((word) => BOOLEAN_WORDS.has(word)) ? 'bool' : 'string';
  }
  if (column.numberCount === 0) return 'float64';
  if (column.isBinary) return 'bool';
  if (column.hasFraction || column.hasDecimalSign) return 'float64';
  if (column.low >= -2_147_483_648 && column.high <= 2_147_483_647) return 'int32';
  return Number.isSafeInteger(column.low) && Number.isSafeInteger(column.high) ? 'int64' : 'float64';
}

const BOOLEAN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['on', true],
  ['off', false],
  ['yes', true],
  ['no', false],
  // As spreadsheets and panels write them in German.
  ['wahr', true],
  ['falsch', false],
  ['ein', true],
  ['aus', false],
  ['ja', true],
  ['nein', false],
]);

function longestText(column: CsvColumn): number {
  let longest = 2;
  for (const text of column.texts()) longest = Math.max(longest, Buffer.byteLength(text));
  return Math.min(MAX_STRING_LENGTH, longest + (longest % 2));
}

/** Which signals go by Modbus; `mixed` uses both protocols whenever there are two signals. */
function divide(signals: readonly Signal[], protocol: CsvProtocol): boolean[] {
  if (protocol !== 'mixed') return signals.map(() => protocol === 'modbus-tcp');
  const isDigital = signals.map(({ type }) => type === 'bool' || type === 'int32' || type === 'int64');
  if (isDigital.includes(true) && isDigital.includes(false)) return isDigital;
  return signals.map((_signal, index) => index >= Math.ceil(signals.length / 2));
}

function nodePlaces(name: string): (signal: Signal) => string {
  return (signal) => `nsu=${CSV_NAMESPACE};s=${name}.${signal.name}`;
}

function registerPlaces(): (signal: Signal) => string {
  let register = 0;
  let bit = 0;
  return ({ type, length }) => {
    if (type === 'bool') return `DI:${bit++}`;
    const address = register;
    register += registerCount(type, length);
    return `HR:${address}`;
  };
}

function buildSeries(
  group: { readonly device: string; readonly periodMs: Millis; readonly tags: readonly TagDefinition[] },
  from: { readonly table: CsvTable; readonly signals: readonly Signal[]; readonly first: number },
): Series {
  const builder = new SeriesBuilder();
  from.table.times.forEach((time, row) => {
    from.signals.forEach((signal, tag) => {
      const value = tagValue(signal, row);
      builder.add(tag, value, value === null ? BAD_NO_DATA : Status.Good, time - from.first);
    });
  });
  return builder.build(group);
}

function tagValue({ column, type }: Signal, row: number): TagValue {
  const number = column.number(row);
  if (type === 'string')
    return column.text(row)?.slice(0, MAX_STRING_LENGTH) ?? (Number.isNaN(number) ? null : String(number));
  if (type === 'bool') {
    return Number.isNaN(number) ? (BOOLEAN_WORDS.get(column.text(row)?.toLowerCase() ?? '') ?? null) : number !== 0;
  }
  return Number.isNaN(number) ? null : number;
}
