import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import type { Clock } from '../../ports/clock.ts';
import { FramingError, type ModbusRequest, readRequest } from './frame.ts';
import type { ModbusSettings } from './settings.ts';
import type { Unit } from './unit.ts';

/** Source: Modbus Application Protocol V1.1b3 §6.21. */
const ENCAPSULATED_INTERFACE = 43;
const READ_DEVICE_IDENTIFICATION = 14;
const REGULAR = 2;
const BASIC = 1;
/** A device that says "more follows" for ever is not followed. */
const MAX_REQUESTS = 16;

const OBJECT_NAMES: Readonly<Record<number, string>> = {
  0: 'vendor',
  1: 'product',
  2: 'version',
  3: 'url',
  4: 'productName',
  5: 'model',
  6: 'application',
};

/**
 * Ask a unit who it is. Many do not know the function; then the answer says so, provided that the unit answers at all.
 * @throws the connection's or the unit's error
 */
export async function identify(unit: Unit, settings: ModbusSettings, clock: Clock): Promise<Record<string, string>> {
  const identity: Record<string, string> = { unit: String(unit.number) };
  for (const level of [REGULAR, BASIC]) {
    let next: number | null = 0;
    for (let asked = 0; next !== null && asked < MAX_REQUESTS; asked++) {
      const { place } = settings;
      const request: ModbusRequest = {
        unit: unit.number,
        pdu: Uint8Array.of(ENCAPSULATED_INTERFACE, READ_DEVICE_IDENTIFICATION, level, next),
        reply: { kind: 'identification' },
      };
      let reply: { exception: number; data: Uint8Array };
      try {
        reply = await unit.exchange(request, clock.monotonic());
      } catch (error) {
        if (asked > 0 || !isHeadgateError(error, 'MODBUS_TIMEOUT')) throw error;
        // Some devices leave what they do not know unanswered: a plain read tells them from dead ones.
        await unit.exchange(readRequest(unit.number, { area: 'holding', offset: 0, count: 1 }), clock.monotonic());
        return { ...identity, identification: 'device identification not supported' };
      }
      if (reply.exception !== 0) break;
      try {
        next = takeObjects(reply.data, identity);
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        throw new HeadgateError('MODBUS_BAD_REPLY', { place, unit: unit.number, reason: error.message }, error);
      }
    }
    if (Object.keys(identity).length > 1) return identity;
  }
  return { ...identity, identification: 'device identification not supported' };
}

/** @returns the object to go on with; null when that was all */
function takeObjects(data: Uint8Array, identity: Record<string, string>): number | null {
  if (data.length < 6 || data[0] !== READ_DEVICE_IDENTIFICATION) throw new FramingError('no device identification');
  const hasMore = data[3] === 0xff;
  const next = data[4] as number;
  const count = data[5] as number;
  let at = 6;
  // Some devices count the objects of all replies here, so the end of the data ends the list too.
  for (let i = 0; i < count && at < data.length; i++) {
    const id = data[at] as number;
    const length = data[at + 1] ?? 0;
    const end = at + 2 + length;
    if (at + 2 > data.length || end > data.length) throw new FramingError('device identification cut short');
    const text = Buffer.from(data.subarray(at + 2, end))
      .toString('latin1')
      .replaceAll('\0', '')
      .trim();
    if (text !== '') identity[OBJECT_NAMES[id] ?? `object${id}`] = text;
    at = end;
  }
  return hasMore && next > 0 ? next : null;
}
