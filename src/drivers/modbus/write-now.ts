import { HeadgateError } from '../../errors/headgate-error.ts';
import { Status, type StatusCode } from '../../model/quality.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TagWrite } from '../../ports/driver.ts';
import { type Change, encodeChange, type Refusal } from './encode.ts';
import { meaningOf, statusOf } from './failures.ts';
import {
  type ModbusRequest,
  maskRegisterRequest,
  writeAndReadRequest,
  writeCoilRequest,
  writeCoilsRequest,
  writeRegisterRequest,
  writeRegistersRequest,
} from './frame.ts';
import { placedPointOf } from './point.ts';
import type { ModbusSettings } from './settings.ts';
import type { Unit } from './unit.ts';

export interface WriteNowOptions {
  readonly writes: readonly TagWrite[];
  readonly settings: ModbusSettings;
  readonly unitOf: (unit: number) => Unit;
  /** Monotonic: nothing is sent after it. */
  readonly deadline: Millis;
  readonly clock: Clock;
}

/** Source: OPC 10000-6 Annex A.2. */
const BAD_TYPE_MISMATCH: StatusCode = 0x80740000;
const BAD_NOT_WRITABLE: StatusCode = 0x803b0000;

const REFUSED: Readonly<Record<Refusal, StatusCode>> = {
  type: BAD_TYPE_MISMATCH,
  range: Status.Bad_OutOfRange,
  place: BAD_NOT_WRITABLE,
};

/** Registers that one request can write. Source: Modbus Application Protocol V1.1b3 §6.12, §6.17. */
const MAX_WRITE = 123;
const MAX_WRITE_AND_READ = 121;
const ILLEGAL_FUNCTION = 1;
/** To all units of a serial line. */
const BROADCAST = 0;

/**
 * Write values one after the other, ahead of all that is read, each between two reads and never within one. Bits and bytes of a register are
 * set by a mask (function 22), so that nothing is read and written back in between; what a unit does not know as function 5, 6 or 16 is
 * tried as 15, 16 or 23, since the refusal says that nothing was done.
 * @returns see `Driver.writeNow`
 */
export async function writeNow(options: WriteNowOptions): Promise<StatusCode[]> {
  const statuses: StatusCode[] = [];
  for (const write of options.writes) statuses.push(await writeOne(write, options));
  return statuses;
}

async function writeOne({ tag, value }: TagWrite, options: WriteNowOptions): Promise<StatusCode> {
  const { settings, unitOf, clock, deadline } = options;
  const point = placedPointOf(tag, settings.unit);
  if (point === null) return Status.Bad_ConfigurationError;
  const change = encodeChange(point, value);
  if (typeof change === 'string') return REFUSED[change];
  const isBroadcast = point.unit === BROADCAST && settings.framing !== 'tcp';
  const requests = requestsFor(point.unit, change).map(
    (request): ModbusRequest => (isBroadcast ? { ...request, reply: { kind: 'none' } } : request),
  );
  if (requests.length === 0) return Status.Bad_NotSupported;
  const unit = unitOf(point.unit);
  let isSent = false;
  try {
    return await sendInTime(options, (mayGo) => {
      const isWanted = () => {
        isSent ||= mayGo();
        return mayGo();
      };
      return unit.exclusively(async () => {
        for (const request of requests) {
          // The unit did not know the function before this one, so nothing has been done.
          if (request !== requests[0] && clock.monotonic() >= deadline) return Status.Bad_Timeout;
          const { exception } = await unit.exchange(request, Number.NEGATIVE_INFINITY, { isWanted });
          if (exception === ILLEGAL_FUNCTION && request !== requests.at(-1)) continue;
          if (exception !== 0) return meaningOf(exception).status;
          return isBroadcast ? Status.Uncertain : Status.Good;
        }
        return Status.Bad_NotSupported;
      });
    });
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error;
    return isSent ? Status.Bad_NoCommunication : statusOf(error);
  }
}

/**
 * Do what sends something, unless its turn comes too late: then Bad_Timeout, at the deadline, and nothing is sent any more.
 * @param send asks `mayGo` right before each sending; once it went, its own outcome counts
 */
function sendInTime(
  { deadline, clock }: WriteNowOptions,
  send: (mayGo: () => boolean) => Promise<StatusCode>,
): Promise<StatusCode> {
  const restMs = deadline - clock.monotonic();
  if (restMs <= 0) return Promise.resolve(Status.Bad_Timeout);
  return new Promise((resolve, reject) => {
    let state: 'waiting' | 'gone' | 'given up' = 'waiting';
    const timer = clock.after(Math.ceil(restMs), () => {
      if (state !== 'waiting') return;
      state = 'given up';
      resolve(Status.Bad_Timeout);
    });
    const mayGo = () => {
      if (state === 'waiting') state = 'gone';
      return state === 'gone';
    };
    send(mayGo)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

/** The ways to carry out a change, the best first; the next is for units that do not know the function. */
function requestsFor(unit: number, change: Change): ModbusRequest[] {
  const { offset } = change;
  if (change.kind === 'coil') {
    return [writeCoilRequest(unit, offset, change.isOn), writeCoilsRequest(unit, offset, change.isOn)];
  }
  if (change.kind === 'bits') return [maskRegisterRequest(unit, offset, change.mask, change.bits)];
  const { bytes } = change;
  const count = bytes.length / 2;
  return [
    ...(count === 1 ? [writeRegisterRequest(unit, offset, bytes)] : []),
    ...(count <= MAX_WRITE ? [writeRegistersRequest(unit, offset, bytes)] : []),
    ...(count > 1 && count <= MAX_WRITE_AND_READ ? [writeAndReadRequest(unit, offset, bytes)] : []),
  ];
}
