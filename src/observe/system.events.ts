import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `system`. */
export const SYSTEM_EVENTS = {
  'sd-notify-failed': {
    level: 'warn',
    message: 'systemd could not be told how the daemon is',
    counter: 'sd_notify_failures_total',
  },
  'sd-notify-dropped': {
    level: 'warn',
    message: 'A message to systemd was dropped: the ones before are not taken',
    counter: 'sd_notify_dropped_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
