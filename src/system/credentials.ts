import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { SecretReference } from '../ports/sink.ts';

const MAX_SECRET_BYTES = 65_536;
const OTHERS = 0o077;

/**
 * The secret that a reference names, without one line end. A file must be its owner's alone; a credential is guarded by systemd.
 * @throws SECRET_UNREADABLE there is none, or it cannot be read; SECRET_UNSAFE others may read the file; SECRET_TOO_LARGE
 */
export async function readSecret(reference: SecretReference, environment = process.env): Promise<string> {
  const path = pathOf(reference, environment);
  try {
    // Not blocked by a pipe that nobody writes to.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw new HeadgateError('SECRET_UNREADABLE', { path, problem: 'it is not a file' });
      if ('file' in reference && (status.mode & OTHERS) !== 0) {
        throw new HeadgateError('SECRET_UNSAFE', { path, mode: (status.mode & 0o777).toString(8).padStart(4, '0') });
      }
      if (status.size > MAX_SECRET_BYTES) throw new HeadgateError('SECRET_TOO_LARGE', { path, bytes: status.size });
      return (await handle.readFile('utf8')).replace(/\r?\n$/, '');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof HeadgateError) throw error;
    throw new HeadgateError('SECRET_UNREADABLE', { path, problem: messageOf(error) }, error);
  }
}

function pathOf(reference: SecretReference, environment: NodeJS.ProcessEnv): string {
  if ('file' in reference) return reference.file;
  const { credential } = reference;
  const directory = environment['CREDENTIALS_DIRECTORY'];
  if (!/^[A-Za-z0-9_.-]+$/.test(credential) || /^\.+$/.test(credential)) {
    throw new HeadgateError('SECRET_UNREADABLE', { path: credential, problem: 'it is not the name of a credential' });
  }
  if (directory === undefined) {
    const problem = 'systemd passed no credentials';
    throw new HeadgateError('SECRET_UNREADABLE', { path: `credential ${credential}`, problem });
  }
  return join(directory, credential);
}
