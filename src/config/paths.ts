import { join } from 'node:path';

const DEFAULT_DATA_DIRECTORY = '/var/lib/headgate';
const DEFAULT_CONFIG_DIRECTORY = '/etc/headgate';
const SOCKET_NAME = 'headgate.sock';
/** Where systemd puts the runtime directory of the unit. */
const SERVICE_RUNTIME_DIRECTORY = '/run/headgate';

type Environment = Readonly<NodeJS.ProcessEnv>;

/** `$HEADGATE_CONFIG`, else systemd's, else /etc/headgate. */
export function defaultConfigDirectory(environment: Environment): string {
  return environment['HEADGATE_CONFIG'] || firstOf(environment['CONFIGURATION_DIRECTORY']) || DEFAULT_CONFIG_DIRECTORY;
}

/** systemd's `$STATE_DIRECTORY` (the first, if it has several), else /var/lib/headgate. */
export function defaultDataDirectory(environment: Environment): string {
  return firstOf(environment['STATE_DIRECTORY']) || DEFAULT_DATA_DIRECTORY;
}

/** Where the daemon listens for the command line. */
export function controlSocketOf(
  gateway: { readonly data_dir: string; readonly socket?: string },
  environment: Environment,
): string {
  return gateway.socket ?? join(firstOf(environment['RUNTIME_DIRECTORY']) || gateway.data_dir, SOCKET_NAME);
}

/** Where the command line looks for the daemon, which may run under systemd while the user does not: in this order. */
export function controlSocketCandidates(
  gateway: { readonly data_dir: string; readonly socket?: string },
  environment: Environment,
): readonly string[] {
  if (gateway.socket !== undefined) return [gateway.socket];
  const own = controlSocketOf(gateway, environment);
  return [...new Set([own, join(gateway.data_dir, SOCKET_NAME), join(SERVICE_RUNTIME_DIRECTORY, SOCKET_NAME)])];
}

function firstOf(list: string | undefined): string | undefined {
  return list?.split(':')[0];
}
