import type { ErrorEntry } from './error-entry.ts';

/** Error codes of commands: writing to equipment. */
export const COMMAND_ERRORS = {
  COMMAND_OVERLOADED: {
    message: '{open} commands are waiting for their devices; no more are taken',
    meaning: 'Commands come faster than devices carry them out, or a device does not answer.',
    action: 'Send it again later; look with `headgate device list` whether the devices answer.',
    retry: 'backoff',
  },
  COMMAND_TAG_UNKNOWN: {
    message: 'there is no tag {tag}',
    meaning: 'A command, or the interlock of a rule, names a tag that the running configuration does not have.',
    action: 'See the names with `headgate tag list`; a tag is written <asset>/<name>.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
