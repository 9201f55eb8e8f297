import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the running daemon as a whole. */
export const RUNTIME_ERRORS = {
  RUNTIME_TAG_UNKNOWN: {
    message: 'device {device} has no tag {tag}',
    meaning: 'The running configuration has no such tag on this device.',
    action: 'See the names with: headgate tag list --device {device}',
    retry: 'never',
  },
  DEMO_GATEWAY_FAILED: {
    message: 'the gateway of the demo did not start: {log}',
    meaning: 'The daemon that the demo starts ended, or did not answer in time.',
    action: 'Read the end of its log in the message. On a fresh checkout run: npm ci',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
