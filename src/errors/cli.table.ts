import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the command line and of its socket to the daemon. */
export const CLI_ERRORS = {
  CLI_USAGE: {
    message: '{reason}',
    meaning:
      'The command was written in a way that it does not take: an unknown option, a missing or malformed argument.',
    action: 'See "{help}".',
    retry: 'never',
  },
  CLI_NOT_FOUND: {
    message: 'There is no {what} "{name}"{hint}',
    meaning:
      'The device, tag, asset or service that the command names is not in the configuration, or not known to the daemon.',
    action: 'List what there is with "headgate {list}".',
    retry: 'never',
  },
  CLI_TARGET_EXISTS: {
    message: '{path} is not empty',
    meaning: 'The command would write into a directory that holds something already; it overwrites nothing unasked.',
    action: 'Name another directory, or add --force to overwrite files of the same name.',
    retry: 'never',
  },
  CLI_FILE_UNREADABLE: {
    message: 'Cannot read {path}: {reason}',
    meaning: 'A file that was named on the command line does not exist or cannot be read.',
    action: 'Check the path and its permissions.',
    retry: 'never',
  },
  CLI_FILE_UNWRITABLE: {
    message: 'Cannot write {path}: {reason}',
    meaning: 'A file that was to be written could not be: its directory is missing, not writable, or the disk is full.',
    action: 'Check the directory, its permissions and the free space.',
    retry: 'never',
  },
  CLI_FILE_EXISTS: {
    message: '{path} exists already',
    meaning: 'The command would replace a file; it overwrites nothing unasked.',
    action: 'Name another file, or add --force to replace this one.',
    retry: 'never',
  },
  CLI_INTERRUPTED: {
    message: 'Interrupted: {what} was not finished',
    meaning: 'The command was ended by Ctrl+C or a signal; it leaves nothing half done behind.',
    action: 'Run it again when it suits.',
    retry: 'never',
  },
  CLI_DEVICE_FAILED: {
    message: 'Device {device}: {reason}',
    meaning: 'The device does not answer, refuses the connection, or answers with an error.',
    action: 'Check address, cabling and credentials; "headgate device test {device}" shows every tag.',
    retry: 'backoff',
  },
  CONTROL_NOT_RUNNING: {
    message: 'No Headgate answers at {path}',
    meaning: 'The daemon is not running, or it listens on another socket.',
    action:
      'Start it (systemctl start headgate, or headgate run), or name the socket with --socket or the right --config.',
    retry: 'backoff',
  },
  CONTROL_FORBIDDEN: {
    message: 'No permission to talk to Headgate at {path}',
    meaning: 'The socket belongs to the user and group that run the daemon.',
    action: 'Use sudo, or add your user to the group headgate and sign in again.',
    retry: 'never',
  },
  CONTROL_TIMEOUT: {
    message: 'Headgate at {path} gave no answer to {request} within {timeoutMs} ms',
    meaning: 'The daemon runs, but is too busy or is hung.',
    action: 'Try again; look into its log (journalctl -u headgate).',
    retry: 'backoff',
  },
  CONTROL_SOCKET_BUSY: {
    message: 'Another Headgate already listens at {path}',
    meaning: 'A daemon with the same configuration or socket is running.',
    action: 'Stop the other one first, or give this one a data_dir and a socket of its own.',
    retry: 'never',
  },
  CONTROL_SOCKET_FAILED: {
    message: 'Cannot listen at {path}: {reason}',
    meaning: 'The socket for the command line could not be made.',
    action: 'Check the directory and its permissions; a path may have at most 107 bytes.',
    retry: 'never',
  },
  CONTROL_REQUEST_INVALID: {
    message: 'The daemon does not take this request: {reason}',
    meaning:
      'What came over the socket is not a request of this version: another version of the command line, or another program.',
    action: 'Use the command line of the same version as the daemon.',
    retry: 'never',
  },
  CONTROL_BUSY: {
    message: 'The daemon already runs {running} {what}, as many as it does at once',
    meaning: 'Searches and replays read the disk that acquisition writes to, so only a few are done at a time.',
    action: 'Wait for the others to end, then try again.',
    retry: 'backoff',
  },
  CONTROL_FAILED: {
    message: 'The daemon could not answer: {reason}',
    meaning: 'Something failed inside the daemon while it answered the command line.',
    action: 'Look into its log (journalctl -u headgate).',
    retry: 'backoff',
  },
} as const satisfies Record<string, ErrorEntry>;
