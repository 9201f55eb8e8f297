import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of commands: writing to equipment. Values are in the events of the journal, not here. */
export const COMMAND_EVENTS = {
  'command-done': { level: 'info', message: 'a tag was written', counter: 'commands_done_total' },
  'command-not-done': { level: 'warn', message: 'a write did not come about', counter: 'commands_not_done_total' },
  'command-refused': { level: 'warn', message: 'a command was refused', counter: 'commands_refused_total' },
  'command-repeated': {
    level: 'info',
    message: 'a repeated command got the answer of the first',
    counter: 'commands_repeated_total',
  },
  'command-overload': {
    level: 'warn',
    message: 'too many commands at once; one was not taken',
    counter: 'commands_overload_total',
  },
  'command-unrecorded': {
    level: 'error',
    message: 'the journal refused the result of a command; it is in this log only',
    counter: 'commands_unrecorded_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
