import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError } from '../../errors/headgate-error.ts';
import type { SecretReference } from './config.ts';

/**
 * The secret that a reference names, without the line end that editors add.
 * @throws OPCUA_SECRET_UNREADABLE
 */
export async function readSecret(reference: SecretReference): Promise<string> {
  const directory = process.env['CREDENTIALS_DIRECTORY'];
  if ('credential' in reference && directory === undefined) {
    throw new HeadgateError('OPCUA_SECRET_UNREADABLE', {
      reference: `credential ${reference.credential}`,
      reason: 'systemd passed no credentials',
    });
  }
  const path = 'file' in reference ? reference.file : join(directory ?? '', reference.credential);
  return (await readReferenced(path)).toString('utf8').replace(/\r?\n$/, '');
}

/** The bytes of a file that a device file refers to. @throws OPCUA_SECRET_UNREADABLE */
export async function readReferenced(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new HeadgateError('OPCUA_SECRET_UNREADABLE', { reference: path, reason }, error);
  }
}
