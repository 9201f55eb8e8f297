import Type, { type Static } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { HeadgateError } from '../errors/headgate-error.ts';

/** What can go wrong with a simulated device, on request. */
export const FAULT_KINDS = ['gone', 'frozen', 'slow', 'exception', 'bad_quality', 'unit_dead'] as const;

const FaultSchema = Type.Object(
  {
    device: Type.String({
      description:
        'Device name, or * for all. `gone` and `frozen` hit its server, so every Modbus unit on the same port with it.',
      examples: ['meter-1', '*'],
    }),
    kind: Type.Enum([...FAULT_KINDS], {
      description:
        'gone: connections reset, port refuses; frozen: connections stay and are accepted, nothing is answered; slow: every answer ' +
        'late; exception: Modbus exceptions; bad_quality: Bad status (Modbus: exception 4); unit_dead: one Modbus unit silent on a ' +
        'shared port.',
    }),
    tags: Type.Optional(
      Type.Array(Type.String(), { description: 'bad_quality: only these tags. Default all of the device.' }),
    ),
    delay_ms: Type.Optional(
      Type.Number({ minimum: 0, maximum: 600_000, default: 2000, description: 'slow: how late each answer is.' }),
    ),
    exception: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 255, default: 6, description: 'exception: the code; 6 is device busy.' }),
    ),
    status: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 0xffffffff,
        default: 0x808c0000,
        description: 'bad_quality: the StatusCode; 0x808C0000 is Bad_SensorFailure.',
      }),
    ),
    from_ms: Type.Optional(
      Type.Number({
        minimum: 0,
        default: 0,
        description: 'Wall time from the start (or from inject) until it begins.',
      }),
    ),
    duration_ms: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'How long it lasts. Default: until it is ended.' }),
    ),
  },
  { additionalProperties: false },
);
export type Fault = Static<typeof FaultSchema>;

/** Faults by schedule. */
export type FaultPlan = readonly Fault[];

/** Check a fault against its schema and the devices there are. @throws SIMULATE_FAULT_INVALID */
export function checkFault(fault: Fault, devices: ReadonlyMap<string, string>): void {
  const shown = JSON.stringify(fault);
  if (!Check(FaultSchema, fault)) {
    const [first] = Errors(FaultSchema, fault);
    const message = first?.message === 'schema is false' ? 'is no setting of a fault' : first?.message;
    const problem = `${first?.instancePath ?? ''} ${message ?? 'is not a fault'}`.trim();
    throw new HeadgateError('SIMULATE_FAULT_INVALID', { fault: shown, problem });
  }
  if (fault.device === '*') return;
  const protocol = devices.get(fault.device);
  if (protocol === undefined) {
    const problem = `there is no device ${fault.device}; there are ${[...devices.keys()].join(', ')}`;
    throw new HeadgateError('SIMULATE_FAULT_INVALID', { fault: shown, problem });
  }
  if (protocol !== 'modbus-tcp' && (fault.kind === 'exception' || fault.kind === 'unit_dead')) {
    const problem = `${fault.kind} is a fault of Modbus devices, ${fault.device} is ${protocol}`;
    throw new HeadgateError('SIMULATE_FAULT_INVALID', { fault: shown, problem });
  }
}

/** All faults that a device has at a moment, merged. */
export interface DeviceFaults {
  readonly isGone: boolean;
  readonly isFrozen: boolean;
  readonly delayMs: number;
  readonly exception: number | null;
  readonly isUnitDead: boolean;
  /** Status that replaces the recorded one, by tag name; `*` for all. */
  readonly badTags: ReadonlyMap<string, number>;
}

export const NO_FAULTS: DeviceFaults = {
  isGone: false,
  isFrozen: false,
  delayMs: 0,
  exception: null,
  isUnitDead: false,
  badTags: new Map(),
};

/** Merge what is active on a device: the longest delay, the last exception. */
export function mergeFaults(active: readonly Fault[]): DeviceFaults {
  const badTags = new Map<string, number>();
  let merged = NO_FAULTS;
  for (const fault of active) {
    switch (fault.kind) {
      case 'gone':
        merged = { ...merged, isGone: true };
        break;
      case 'frozen':
        merged = { ...merged, isFrozen: true };
        break;
      case 'slow':
        merged = { ...merged, delayMs: Math.max(merged.delayMs, fault.delay_ms ?? 2000) };
        break;
      case 'exception':
        merged = { ...merged, exception: fault.exception ?? 6 };
        break;
      case 'unit_dead':
        merged = { ...merged, isUnitDead: true };
        break;
      case 'bad_quality':
        for (const tag of fault.tags ?? ['*']) badTags.set(tag, fault.status ?? 0x808c0000);
        break;
    }
  }
  return { ...merged, badTags };
}

/** What a shared server or unit has when any of its devices has it; bad tags stay with their device. */
export function mergeDeviceFaults(all: readonly DeviceFaults[]): DeviceFaults {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  return {
    isGone: all.some((faults) => faults.isGone),
    isFrozen: all.some((faults) => faults.isFrozen),
    delayMs: Math.max(0, ...all.map((faults) => faults.delayMs)),
    exception: all.find((faults) => faults.exception !== null)?.exception ?? null,
    isUnitDead: all.some((faults) => faults.isUnitDead),
    badTags: new Map(),
  };
}
