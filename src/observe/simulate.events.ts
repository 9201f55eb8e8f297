import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `simulate`. */
export const SIMULATE_EVENTS = {
  'simulate-started': { level: 'info', message: 'simulation started' },
  'simulate-looped': { level: 'info', message: 'simulation begins again', counter: 'simulate_loops_total' },
  'simulate-ended': { level: 'info', message: 'simulation reached the end of its fixture' },
  'simulate-fault-began': { level: 'info', message: 'simulated fault began', counter: 'simulate_faults_total' },
  'simulate-fault-ended': { level: 'info', message: 'simulated fault ended' },
  'simulate-connection-refused': {
    level: 'warn',
    message: 'simulated device has too many connections',
    counter: 'simulate_connections_refused_total',
  },
  'simulate-malformed-request': {
    level: 'warn',
    message: 'simulated device got a malformed request and closed the connection',
    counter: 'simulate_malformed_requests_total',
  },
  'simulate-fault-failed': { level: 'error', message: 'simulated fault could not be applied' },
  'wire-recording-dropped': {
    level: 'warn',
    message: 'recording a wire could not keep up: frames dropped',
    counter: 'wire_recording_dropped_total',
  },
  'simulate-recording-dropped': {
    level: 'warn',
    message: 'recording could not keep up: readings dropped',
    counter: 'simulate_recording_dropped_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
