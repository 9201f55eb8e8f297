import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the running daemon as a whole. */
export const RUNTIME_ERRORS = {
  RUNTIME_DEVICE_UNKNOWN: {
    message: 'the running daemon has no device {device}',
    meaning: 'The configuration that the daemon was started with has no such device.',
    action: 'See the names with: headgate device list. Restart the daemon if the device was added since.',
    retry: 'never',
  },
  RUNTIME_NO_FRAMES: {
    message: 'device {device} has no wire that can be recorded: it is {driver}',
    meaning: 'Frames are recorded of Modbus devices; of others their values can be.',
    action: 'Name a Modbus device, or record values: headgate record DIR --name NAME',
    retry: 'never',
  },
  RUNTIME_TAG_UNKNOWN: {
    message: 'device {device} has no tag {tag}',
    meaning: 'The running configuration has no such tag on this device.',
    action: 'See the names with: headgate tag list --device {device}',
    retry: 'never',
  },
  REPLAY_TARGET_UNKNOWN: {
    message: 'there is no sink and no service {target}; there are: {known}',
    meaning: 'A replay goes to one sink or one service of the running configuration.',
    action: 'Name one of them with --to.',
    retry: 'never',
  },
  REPLAY_TARGET_AMBIGUOUS: {
    message: '{target} is the name of a sink and of a service',
    meaning: 'Both are in the running configuration, so it is not clear where the replay should go.',
    action: 'Write --to {sink} or --to {service}.',
    retry: 'never',
  },
  DEMO_ENDED_EARLY: {
    message: 'the demo was ended before its time',
    meaning:
      'Ctrl+C or SIGTERM came before the demo was through; nothing of it is left behind, and nothing was counted.',
    action: 'Let it run to its end; --duration makes it shorter.',
    retry: 'never',
  },
  DEMO_GATEWAY_FAILED: {
    message: 'the gateway of the demo did not start: {log}',
    meaning: 'The daemon that the demo starts ended, or did not answer in time.',
    action: 'Read the end of its log in the message. On a fresh checkout run: npm ci',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
