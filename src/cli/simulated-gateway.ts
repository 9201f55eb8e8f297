import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';

/**
 * Write a configuration that reads what is simulated: devices and tags, and a gateway that runs without root beside it, unless there is one.
 * @param directory absolute
 * @param writeRest makes the directory and writes devices and tags in it; gives what else the gateway is to have
 * @throws CLI_FILE_UNWRITABLE
 */
export async function writeSimulatedGateway(
  directory: string,
  writeRest: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  try {
    const gateway = {
      gateway: { name: 'simulated', asset: 'simulated/gateway', data_dir: join(directory, 'data') },
      broker: { anonymous: { subscribe: ['uns/v1/#', 'evt/v1/#'] } },
      ...(await writeRest()),
    };
    await writeFile(join(directory, 'gateway.yaml'), stringify(gateway), { flag: 'wx' }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  } catch (cause) {
    throw new HeadgateError('CLI_FILE_UNWRITABLE', { path: directory, reason: messageOf(cause) }, cause);
  }
}
