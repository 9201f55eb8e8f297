import { MESSAGE_TYPE } from '../broker/client-message.ts';
import { nearest } from '../config/nearest.ts';
import { CLOCK_STEP_TYPE } from '../journal/clock-step.ts';
import { REFUSED_TYPE } from '../journal/refused-event.ts';
import { THINNED_TYPE } from '../journal/thinned-event.ts';
import { DEVICE_STATE_TYPE, GAP_TYPE, TELEMETRY_TYPE } from '../model/event.ts';
import { WRITE_COMPLETED_TYPE, WRITE_REQUESTED_TYPE } from '../runtime/commands/command-events.ts';
import { BUILT_IN_SERVICES } from '../services/registry.ts';

const OWN_TYPES: readonly string[] = [
  TELEMETRY_TYPE,
  THINNED_TYPE,
  GAP_TYPE,
  DEVICE_STATE_TYPE,
  CLOCK_STEP_TYPE,
  REFUSED_TYPE,
  WRITE_REQUESTED_TYPE,
  WRITE_COMPLETED_TYPE,
  MESSAGE_TYPE,
];

/** The types of the events that a gateway makes itself, those of its services among them. */
export async function knownEventTypes(): Promise<readonly string[]> {
  const services = await Promise.all(BUILT_IN_SERVICES.map(({ load }) => load()));
  return [...OWN_TYPES, ...services.flatMap(({ manifest }) => Object.keys(manifest.produces))];
}

/** True when a type, or a prefix that ends in `*`, means any of the known ones. */
export function meansAny(type: string, known: readonly string[]): boolean {
  return known.some((one) => (type.endsWith('*') ? one.startsWith(type.slice(0, -1)) : one === type));
}

/** The known type that was probably meant, a prefix for a prefix: by its whole name, what is particular in it, or a part of that. */
export function nearestType(type: string, known: readonly string[]): string | null {
  const word = type.replace(/[.*]+$/, '');
  if (type.endsWith('*')) {
    const prefix = nearest(word, new Set(known.map((one) => one.slice(0, word.length))));
    if (prefix !== null) return `${prefix}*`;
  }
  const byCore = new Map(known.map((one) => [coreOf(one), one]));
  const core = coreOf(word);
  const near = nearest(core, byCore.keys());
  const whole = near === null ? nearest(word, known) : (byCore.get(near) ?? null);
  return whole ?? (core === '' ? null : (known.find((one) => coreOf(one).includes(core)) ?? null));
}

function coreOf(type: string): string {
  return type.replace(/^headgate\.?/, '').replace(/\.v\d+$/, '');
}
