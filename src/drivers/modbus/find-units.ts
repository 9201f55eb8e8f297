import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import { type Area, isBitArea } from './area.ts';
import type { ModbusConfig } from './config.ts';
import { clientFor } from './connect.ts';
import { type ExploredArea, exploreArea, type Probe } from './explore.ts';
import { meaningOf } from './failures.ts';
import { readRequest } from './frame.ts';
import { identify } from './identify.ts';
import type { Extent } from './plan.ts';
import { isSameDevice, type Outcome } from './same-device.ts';
import { type ModbusSettings, settingsOf } from './settings.ts';
import { Unit } from './unit.ts';
import { Wire } from './wire.ts';

export interface FindUnitsOptions {
  /** How to reach the wire: a device file; its `timeout_ms` is how long a unit may take to be found. */
  readonly config: ModbusConfig;
  readonly units: readonly number[];
  readonly areas: readonly Area[];
  /** Addresses to look at in each area, ascending. */
  readonly anchors: readonly number[];
  /** Most requests for the areas of one unit. */
  readonly maxRequests: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** Told what is being done. */
  readonly onProgress: (words: string) => void;
  readonly stop: AbortSignal;
}

/** A unit that answered. */
export interface FoundUnit {
  readonly unit: number;
  /** What it says of itself; null: it does not know that function. */
  readonly identity: Readonly<Record<string, string>> | null;
  /** Of its first answer. */
  readonly latencyMs: Millis;
  readonly areas: readonly (ExploredArea & { readonly area: Area })[];
  /** The unit that answers exactly like it, and whose map was read; null: it has its own. */
  readonly sameAs: number | null;
  readonly requests: number;
}

type Identity = FoundUnit['identity'];

/** A unit whose map has been read. */
interface KnownUnit {
  readonly unit: Unit;
  readonly found: FoundUnit;
}

/** Registers and bits in one request while looking. */
const MAX_BLOCK = 125;
const MAX_SPAN = 1_000;

/**
 * Ask one unit after the other, one request at a time, whether it is there, who it is and what can be read. Reads only. What answers exactly like
 * a unit before is not searched again.
 * @throws MODBUS_CONNECT_FAILED the wire cannot be opened
 */
export async function* findUnits(options: FindUnitsOptions): AsyncGenerator<FoundUnit> {
  const { config, clock, random, observer, stop, units, onProgress } = options;
  const settings = settingsOf(config);
  const { place, pauseMs, reconnectMinMs, reconnectMaxMs } = settings;
  const wire = new Wire({
    ...{ place, pauseMs, reconnectMinMs, reconnectMaxMs, clock, random, observer },
    makeClient: (handlers) => clientFor(settings, clock, handlers),
    onUp: () => undefined,
    onDown: () => undefined,
  });
  const known: KnownUnit[] = [];
  try {
    await wire.connect();
    for (const [index, number] of units.entries()) {
      if (stop.aborted) return;
      onProgress(`unit ${number}, ${index} of ${units.length} asked`);
      // A peer that hung up on a unit it does not know is called again.
      if (!wire.isOpen) await wire.connect();
      const unit = new Unit({
        ...{ device: 'scan', unit: number, settings, wire, clock, random, observer },
        onAnswers: () => undefined,
        onSilent: () => undefined,
      });
      try {
        const latencyMs = await presence(unit, clock);
        if (latencyMs === null) continue;
        const found = await describe(unit, { settings, latencyMs, known }, options);
        if (found.sameAs === null) known.push({ unit, found });
        yield found;
      } finally {
        unit.stop();
      }
    }
  } finally {
    await wire.stop();
  }
}

/** How long the unit took to answer to anything at all; null when it is not there. */
async function presence(unit: Unit, clock: Clock): Promise<Millis | null> {
  const extent = { area: 'holding', offset: 0, count: 1 } as const;
  try {
    const { exception, tookMs } = await unit.exchange(readRequest(unit.number, extent), clock.monotonic());
    return meaningOf(exception).kind === 'unreachable' ? null : tookMs;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** What is known before a unit is described. */
interface Seen {
  readonly settings: ModbusSettings;
  readonly latencyMs: Millis;
  readonly known: readonly KnownUnit[];
}

async function describe(
  unit: Unit,
  { settings, latencyMs, known }: Seen,
  { clock, areas, anchors, maxRequests, onProgress, stop }: FindUnitsOptions,
): Promise<FoundUnit> {
  onProgress(`unit ${unit.number}: who it is`);
  const said = await identify(unit, settings, clock).catch((error: unknown) => {
    if (isAbsence(error) || isHeadgateError(error, 'MODBUS_BAD_REPLY')) return null;
    throw error;
  });
  const identity = said === null || 'identification' in said ? null : said;
  let asked = 0;
  const ask = async (of: Unit, extent: Extent): Promise<{ exception: number; data: Uint8Array } | null> => {
    asked++;
    try {
      return await of.exchange(readRequest(of.number, extent), clock.monotonic());
    } catch (error) {
      if (isAbsence(error) || isHeadgateError(error, 'MODBUS_BAD_REPLY')) return null;
      throw error;
    }
  };
  for (const { unit: other, found } of known) {
    if (!isAlike(identity, found.identity)) continue;
    onProgress(`unit ${unit.number}: whether it is unit ${other.number}`);
    const read = async (of: 'known' | 'other', extent: Extent): Promise<Outcome> => {
      if (asked >= maxRequests || stop.aborted) return null;
      const reply = await ask(of === 'known' ? other : unit, extent);
      return reply?.exception === 0 ? reply.data : null;
    };
    if (!(await isSameDevice(found.areas, read))) continue;
    return { unit: unit.number, identity, latencyMs, areas: found.areas, sameAs: other.number, requests: asked };
  }
  const explored = [];
  for (const area of areas) {
    const read = async (offset: number, count: number): Promise<Probe> => {
      onProgress(`unit ${unit.number}: ${area} ${offset}, request ${asked + 1}`);
      const reply = await ask(unit, { area, offset, count });
      if (reply === null) return 'unanswered';
      if (reply.exception === 0) return 'read';
      return reply.exception === ILLEGAL_FUNCTION ? 'absent' : 'refused';
    };
    // Each area has its share, and what earlier ones left.
    const share = Math.ceil((maxRequests * (explored.length + 1)) / areas.length);
    const mayAsk = () => asked < share && !stop.aborted;
    const maxBlock = isBitArea(area) ? MAX_BLOCK * 4 : MAX_BLOCK;
    explored.push({
      area,
      ...(await exploreArea(read, { anchors, maxBlock, maxSpan: MAX_SPAN, hasPairs: !isBitArea(area), mayAsk })),
    });
  }
  return { unit: unit.number, identity, latencyMs, areas: explored, sameAs: null, requests: asked };
}

/** Whether two units say the same of themselves, but for their numbers. */
function isAlike(one: Identity, other: Identity): boolean {
  const said = (identity: Identity) => JSON.stringify({ ...identity, unit: null });
  return said(one) === said(other);
}

const ILLEGAL_FUNCTION = 1;

/** True for what a unit that is not there, or a gateway before it, does. */
function isAbsence(error: unknown): boolean {
  return (
    error instanceof HeadgateError &&
    ['MODBUS_TIMEOUT', 'MODBUS_UNIT_UNREACHABLE', 'MODBUS_CONNECTION_LOST', 'MODBUS_NOT_CONNECTED'].includes(error.code)
  );
}
