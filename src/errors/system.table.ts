import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `system`. */
export const SYSTEM_ERRORS = {
  SECRET_UNREADABLE: {
    message: 'The secret {path} cannot be read: {problem}.',
    meaning: 'A file or systemd credential that the configuration names is missing or not readable.',
    action:
      'Create the file, owned by the user headgate with mode 0600, or pass the credential with LoadCredential= in a drop-in of headgate.service.',
    retry: 'never',
  },
  SECRET_UNSAFE: {
    message: 'The secret {path} has mode {mode}: others may read it.',
    meaning: 'A secret that group or others may read is not used.',
    action: 'chmod 0600 {path}, and change the secret if others may have seen it.',
    retry: 'never',
  },
  SECRET_TOO_LARGE: {
    message: 'The secret {path} has {bytes} bytes.',
    meaning: 'A secret has at most 64 KiB; this is some other file.',
    action: 'Correct the reference in the configuration.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
