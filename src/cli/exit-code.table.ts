/** What every command ends with; listed in the help. Source: sysexits.h for those above 63. */
export const EXIT = {
  ok: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'it did not work: the message says why and what to do' },
  usage: { code: 2, meaning: 'the command was written wrongly' },
  overloaded: { code: 65, meaning: 'a wire is asked for more than it can carry' },
  notRunning: { code: 69, meaning: 'the command needs the daemon, and no daemon answers' },
  forbidden: { code: 77, meaning: 'no permission' },
  configuration: { code: 78, meaning: 'the configuration has errors, or there is none' },
} as const;
