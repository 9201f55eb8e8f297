import type { HeadgateEvent } from '../model/event.ts';
import type { EventFilter } from '../ports/control.ts';

/** True when an event is of the type (or type prefix) and on the asset or below it. */
export function passesFilter(filter: EventFilter, event: HeadgateEvent): boolean {
  const { type, asset } = filter;
  if (type !== undefined) {
    const isMatch = type.endsWith('*') ? event.type.startsWith(type.slice(0, -1)) : event.type === type;
    if (!isMatch) return false;
  }
  return asset === undefined || event.subject === asset || event.subject.startsWith(`${asset}/`);
}
