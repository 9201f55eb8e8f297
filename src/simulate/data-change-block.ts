import type { EpochMs } from '../model/time.ts';

/** Client handle, encoding mask, variant type, value, source time, server time. */
const ITEM_BYTES = 4 + 1 + 1 + 8 + 8 + 8;
/** Value, source and server timestamp are there; the status is Good and left out. */
const DATA_VALUE_MASK = 0x01 | 0x04 | 0x08;
const DOUBLE = 11;
/** From 1601-01-01, in 100 ns. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;
const TWO_32 = 4_294_967_296;

/**
 * The body of a DataChangeNotification with doubles of Good quality, as it travels.
 * @param from first column position, `to` behind the last
 * @source OPC 10000-4 §7.25.2, OPC 10000-6 §5.2.2.17 (DataValue), §5.2.2.5 (DateTime)
 */
export function writeDataChanges(
  columns: {
    readonly handles: readonly number[];
    readonly values: readonly number[];
    readonly times: readonly EpochMs[];
  },
  from: number,
  to: number,
): ArrayBuffer {
  const body = new ArrayBuffer(4 + (to - from) * ITEM_BYTES + 4);
  const view = new DataView(body);
  view.setInt32(0, to - from, true);
  let at = 4;
  for (let position = from; position < to; position++) {
    const ticks = Math.round(((columns.times[position] ?? 0) + FILETIME_EPOCH_MS) * 10_000);
    const low = ticks % TWO_32;
    const high = (ticks - low) / TWO_32;
    view.setUint32(at, columns.handles[position] ?? 0, true);
    view.setUint8(at + 4, DATA_VALUE_MASK);
    view.setUint8(at + 5, DOUBLE);
    view.setFloat64(at + 6, columns.values[position] ?? 0, true);
    view.setUint32(at + 14, low, true);
    view.setUint32(at + 18, high, true);
    view.setUint32(at + 22, low, true);
    view.setUint32(at + 26, high, true);
    at += ITEM_BYTES;
  }
  // No diagnostics.
  view.setInt32(at, -1, true);
  return body;
}
