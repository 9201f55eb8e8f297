import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `journal`. */
export const JOURNAL_ERRORS = {
  JOURNAL_OVERLOADED: {
    message:
      'the journal has {events} events ({bytes} bytes) waiting to be committed, its limit; nothing of this append was taken',
    meaning:
      'Events come faster than the disk commits them, or the disk has stalled. The rejected events were never accepted.',
    action:
      'Lower the scan rates, use a faster disk, or raise journal.queue_events and journal.queue_mb if bursts are short.',
    retry: 'backoff',
  },
  JOURNAL_DISK_FULL: {
    message: 'no room to store events in {directory}: {reason}',
    meaning:
      'The quota or the disk is full, and nothing may be dropped any more: only critical events, or none, are left. Nothing is accepted until there is room again; the journal notices by itself.',
    action:
      'Free space on the disk, raise journal.quota_mb, or get the upstream connection back so that the backlog drains.',
    retry: 'backoff',
  },
  JOURNAL_FAILED: {
    message: 'the journal in {directory} failed: {reason}',
    meaning:
      'An fsync or an input/output operation failed, or the journal worker ended. What was written since the last commit may not be on the disk, so nothing is acknowledged any more.',
    action: 'Check the disk (dmesg, smartctl). The daemon exits and verifies the journal at its next start.',
    retry: 'never',
  },
  JOURNAL_CLOSED: {
    message: 'the journal is closed',
    meaning: 'Something was asked of the journal after it was closed.',
    action: 'None: the daemon is stopping.',
    retry: 'never',
  },
  JOURNAL_LOCKED: {
    message: 'the journal in {directory} is in use by process {pid}',
    meaning: 'Another daemon runs on the same data directory. Two would overwrite each other.',
    action: 'Stop the other one (process {pid}), or give this one a data directory of its own.',
    retry: 'never',
  },
  JOURNAL_UNAVAILABLE: {
    message: 'the journal in {directory} cannot be opened: {reason}',
    meaning: 'The data directory is missing, read-only, full, or not readable by this user.',
    action:
      'Check that {directory} is mounted, writable for the user of the daemon, and has free space; or name another place (gateway.data_dir, or headgate run --data-dir DIR).',
    retry: 'never',
  },
  JOURNAL_EVENT_TOO_LARGE: {
    message: 'an event of type {type} on {subject} has {bytes} bytes encoded, more than {limit}',
    meaning: 'One event is larger than the journal takes. Nothing of its append was accepted.',
    action: 'Split the event, or keep large content elsewhere and refer to it.',
    retry: 'never',
  },
  JOURNAL_CURSOR_UNKNOWN: {
    message: 'no consumer {consumer} is known to the journal',
    meaning: 'A cursor was moved or forgotten that was never opened.',
    action: 'Check the name with `headgate journal status`.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
