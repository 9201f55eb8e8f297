import { parseAllDocuments } from 'yaml';
import { decodeText } from '../decode-text.ts';
import { importEdgex } from './edgex.ts';
import { columnKey, type ForeignTable, readForeignCsv } from './foreign-csv.ts';
import { IGNITION_COLUMNS, importIgnition } from './ignition.ts';
import type { ImportFormat } from './import-formats.table.ts';
import { type ImportedTable, type ImportOptions, Rejection } from './imported-table.ts';
import { importKepware, KEPWARE_COLUMNS } from './kepware.ts';
import { importNeuron, NEURON_COLUMNS } from './neuron.ts';
import { importOibus, OIBUS_COLUMNS } from './oibus.ts';
import { importOpcPublisher } from './opc-publisher.ts';
import { readSpreadsheet } from './spreadsheet.ts';
import { importTelegraf } from './telegraf.ts';
import { importThingsboard } from './thingsboard.ts';

/** Formats of tables: their columns, some that no other has, and who reads them. */
const TABLES = {
  neuron: { columns: NEURON_COLUMNS, own: ['group', 'address', 'attribute'], read: importNeuron },
  kepware: { columns: KEPWARE_COLUMNS, own: ['Tag Name', 'Address', 'Client Access'], read: importKepware },
  oibus: { columns: OIBUS_COLUMNS, own: ['name', 'scanMode'], read: importOibus },
  ignition: { columns: IGNITION_COLUMNS, own: ['OPCItemPath'], read: importIgnition },
} as const;
type TableFormat = keyof typeof TABLES;

const ALL_COLUMNS = Object.values(TABLES).flatMap(({ columns }) => [...columns]);
const MAX_ALIASES = 100;

/** What a file is; null: one of our own tables, or nothing that is known. Only its content counts, never its name. */
export function detectFormat(bytes: Uint8Array): ImportFormat | null {
  if (isArchive(bytes)) return tableFormatOf(readSpreadsheet(bytes)) ?? 'neuron';
  const text = textOf(bytes);
  const start = text.trimStart();
  if (start.startsWith('[') && /"EndpointUrl"/.test(text)) return 'opc-publisher';
  if (start.startsWith('{') && /"slaves"/.test(text)) return 'thingsboard';
  if (/^\s*\[\[inputs\.(modbus|opcua|opcua_listener)\]\]/m.test(text)) return 'telegraf';
  if (
    /^\s*(-\s+)?primaryTable\s*:|^\s*deviceResources\s*:|primaryTable\s*:/m.test(text) &&
    /deviceResources\s*:/.test(text)
  )
    return 'edgex';
  if (/^[{[]/.test(start)) return null;
  try {
    return tableFormatOf(readForeignCsv(text, ALL_COLUMNS));
  } catch {
    return null;
  }
}

/**
 * Take over a foreign table.
 * @throws Rejection the whole file is not of this format; the message says where and why
 */
export function importTable(format: ImportFormat, bytes: Uint8Array, options: ImportOptions): ImportedTable {
  if (isTableFormat(format)) {
    const { columns, own, read } = TABLES[format];
    const table = isArchive(bytes) ? readSpreadsheet(bytes) : readForeignCsv(textOf(bytes), columns);
    const known = new Set(table.columns.map(columnKey));
    const missing = own.filter((column) => !known.has(columnKey(column)));
    if (missing.length > 0) throw new Rejection(`it has no column ${missing.join(', ')}, as tables of ${format} have`);
    const imported = read(table, options);
    return { ...imported, rejected: [...table.faults.map((fault) => ({ tag: '', ...fault })), ...imported.rejected] };
  }
  const text = textOf(bytes);
  switch (format) {
    case 'telegraf':
      return importTelegraf(text, options);
    case 'thingsboard':
      return importThingsboard(parseJson(text), options);
    case 'opc-publisher':
      return importOpcPublisher(parseJson(text), options);
    case 'edgex':
      return importEdgex(parseYamlDocuments(text), options);
  }
}

function isTableFormat(format: ImportFormat): format is TableFormat {
  return Object.hasOwn(TABLES, format);
}

function tableFormatOf({ columns }: ForeignTable): TableFormat | null {
  const known = new Set(columns.map(columnKey));
  const formats = Object.keys(TABLES) as TableFormat[];
  return formats.find((format) => TABLES[format].own.every((column) => known.has(columnKey(column)))) ?? null;
}

function isArchive(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b;
}

/** UTF-16 too, where its mark says so, as spreadsheets write their "Unicode text". */
function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  const decoded = decodeText(bytes);
  if ('text' in decoded) return decoded.text;
  throw new Rejection(`line ${decoded.line}: found ${decoded.found}, expected ${decoded.expected}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Rejection(`it is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function parseYamlDocuments(text: string): unknown[] {
  const documents = parseAllDocuments(text, { prettyErrors: true });
  return (Array.isArray(documents) ? documents : []).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Rejection(`it is not YAML: ${error.message.split('\n')[0]}`);
    try {
      return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    } catch {
      throw new Rejection('it is not YAML that can be read: its aliases multiply');
    }
  });
}
