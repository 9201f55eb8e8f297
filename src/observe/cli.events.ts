import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `cli`: the socket that the command line talks to. */
export const CLI_EVENTS = {
  'control-listening': { level: 'debug', message: 'Listening for the command line' },
  'control-request-failed': {
    level: 'warn',
    message: 'A request of the command line failed',
    counter: 'control_failures_total',
  },
  'control-refused': {
    level: 'warn',
    message: 'A connection of the command line was refused: too many',
    counter: 'control_refused_total',
  },
  'control-tail-dropped': {
    level: 'debug',
    message: 'A slow reader of events lost the oldest',
    counter: 'control_tail_dropped_total',
  },
  'control-frames-dropped': {
    level: 'debug',
    message: 'A slow reader of the frames on a wire lost the oldest',
    counter: 'control_frames_dropped_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
