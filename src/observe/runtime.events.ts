import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the daemon as a whole: start, stop, supervision. */
export const RUNTIME_EVENTS = {
  'daemon-starting': { level: 'info', message: 'headgate starts' },
  'daemon-ready': { level: 'info', message: 'headgate is ready' },
  'daemon-stopping': { level: 'info', message: 'headgate stops' },
  'daemon-stopped': { level: 'info', message: 'headgate has stopped' },
  'daemon-failed': { level: 'error', message: 'headgate cannot go on' },
  'daemon-stop-late': { level: 'error', message: 'a part did not stop in time and was left behind' },
  'configuration-refused': { level: 'error', message: 'the configuration has errors; headgate does not start' },
  'device-connected': { level: 'info', message: 'device connected' },
  'device-disconnected': { level: 'warn', message: 'device disconnected', counter: 'device_disconnects_total' },
  'driver-start-failed': {
    level: 'error',
    message: 'a driver could not start; tried again later',
    counter: 'driver_start_failures_total',
  },
  'driver-stop-late': {
    level: 'warn',
    message: 'a driver did not stop in time and was left behind',
    counter: 'driver_stops_late_total',
  },
  'device-state-unrecorded': {
    level: 'warn',
    message: 'the journal refused a device state; it is in this log only',
    counter: 'device_states_unrecorded_total',
  },
  'replay-started': { level: 'info', message: 'replay of stored events started' },
  'replay-ended': {
    level: 'info',
    message: 'replay of stored events ended',
    counter: 'replayed_events_total',
  },
  'part-close-failed': { level: 'warn', message: 'a part did not close cleanly' },
} as const satisfies Record<string, InternalEventEntry>;
