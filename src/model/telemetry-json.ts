import type { TagValue } from './tag.ts';
import type { NumberColumn, TagList, TelemetryReport } from './telemetry.ts';
import { TextBuffer } from './text-buffer.ts';

/** What the JSON of a list's samples has in common. */
interface SampleForm {
  /** The begin of each sample up to its value, one behind the other; the last one is of a tag that the list does not have. */
  readonly begins: Uint8Array;
  /** Where each begins, and where the last one ends. */
  readonly from: Uint32Array;
  /** Bytes of a sample in the report before. */
  sampleBytes: number;
}

/** Made when a report of a list is first wanted as JSON. */
const forms = new WeakMap<TagList, SampleForm>();

/** Bytes of a sample's JSON, about. */
const SAMPLE_JSON_BYTES = 64;
/** Above the last report's length, so that the next one has room. */
const SPARE_SHARE = 1.02;

/** Samples that are taken out of their columns at once. */
const PIECE = 512;
/** Columns have any of eight types: code that reads them one by one is slow and makes an object of each float. */
const numbers = new Float64Array(PIECE);
const deltas = new Float64Array(PIECE);

/** Bytes that the JSON of a report will probably have. */
export function expectedJsonBytes({ list, size }: TelemetryReport): number {
  return Math.ceil(size * (forms.get(list)?.sampleBytes ?? SAMPLE_JSON_BYTES) * SPARE_SHARE);
}

/**
 * Append the JSON of a report, as `JSON.stringify(report)` gives it, without an object or a string for each sample.
 * A 64-bit integer beyond ±2^53 is decimal text.
 */
export function appendTelemetryJson(text: TextBuffer, report: TelemetryReport): void {
  const { size } = report;
  const form = formOf(report.list);
  const begin = text.length;
  const end = new SampleEnd();
  text.append('{"samples":[');
  for (let from = 0; from < size; from += PIECE) appendPiece(text, report, { from, form, end });
  text.append(']}');
  if (size > 0) form.sampleBytes = (text.length - begin) / size;
}

function appendPiece(
  text: TextBuffer,
  report: TelemetryReport,
  { from, form, end }: { readonly from: number; readonly form: SampleForm; readonly end: SampleEnd },
): void {
  const { list, columns, size } = report;
  const { values, timeBase, timeDeltas } = columns;
  const to = Math.min(size, from + PIECE);
  const areNumbers = !Array.isArray(values);
  if (areNumbers) numbers.set((values as NumberColumn).subarray(from, to));
  if (timeDeltas === 0) deltas.fill(0);
  else deltas.fill(0).set(timeDeltas.subarray(from, to));
  const tags = list.names.length;
  for (let position = from; position < to; position++) {
    const index = report.tagIndex(position);
    const known = index >= 0 && index < tags ? index : tags;
    end.set(report.status(position), timeBase + (deltas[position - from] as number));
    if (position > 0) text.append(',');
    text.appendBytes(form.begins, form.from[known] as number, form.from[known + 1] as number);
    const number = numbers[position - from] as number;
    if (!areNumbers) text.append(valueJson(report.value(position)));
    else if (list.types[index] === 'bool') text.append(Number.isNaN(number) ? 'null' : String(number !== 0));
    else if ((number | 0) === number) text.appendInteger(number);
    else text.append(Number.isFinite(number) ? String(number) : 'null');
    text.appendBytes(end.bytes, 0, end.length);
  }
}

/** The end of a sample behind its value, made anew when status or time are others than before. */
class SampleEnd {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  #status = -1;
  #time = -1;

  set(status: number, time: number): void {
    if (status === this.#status && time === this.#time) return;
    this.#status = status;
    this.#time = time;
    this.bytes = Buffer.from(`,"q":${status},"t":${JSON.stringify(time)}}`, 'latin1');
    this.length = this.bytes.length;
  }
}

function formOf(list: TagList): SampleForm {
  const known = forms.get(list);
  if (known !== undefined) return known;
  const text = new TextBuffer(list.names.length * SAMPLE_JSON_BYTES);
  const from = new Uint32Array(list.names.length + 2);
  [...list.names, ''].forEach((name, index) => {
    text.append(`{"n":${JSON.stringify(name)},"v":`);
    from[index + 1] = text.length;
  });
  const form = { begins: Uint8Array.from(text.finish()), from, sampleBytes: SAMPLE_JSON_BYTES };
  forms.set(list, form);
  return form;
}

function valueJson(value: TagValue): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint':
      return `"${value}"`;
    default:
      return JSON.stringify(value);
  }
}
