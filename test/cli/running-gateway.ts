import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { componentSpecs } from '../../src/component-specs.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { startGateway } from '../../src/gateway.ts';
import { createObserver } from '../../src/observe/observer.ts';
import { livedClock } from '../support/lived-time.ts';
import { until } from '../support/until.ts';
import { type CliResult, headgate } from './run-headgate.ts';

/** A gateway in this process, and the command line that talks to it. */
export interface RunningGateway {
  readonly directory: string;
  readonly socketPath: string;
  cli(...args: string[]): Promise<CliResult>;
  stop(): Promise<void>;
}

/**
 * Start a gateway from a device file, the lines of a tag table and what else stands in gateway.yaml; it runs once a tag has a value.
 * @param awaited the name of that tag
 */
export async function runningGateway(
  t: Test,
  configured: { readonly gateway?: string; readonly device: string; readonly tags: readonly string[] },
  awaited: string,
): Promise<RunningGateway> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-running-'));
  const config = join(directory, 'config');
  await headgate(['init', config, '--minimal']);
  const data = `gateway:\n  name: g\n  asset: acme/hh\n  data_dir: ${join(directory, 'data')}\n`;
  const broker = 'broker: { listen: { host: 127.0.0.1, port: 0 } }\n';
  await writeFile(join(config, 'gateway.yaml'), `${data}${broker}${configured.gateway ?? ''}`);
  await writeFile(join(config, 'devices/device.yaml'), configured.device);
  await writeFile(join(config, 'tags/t.csv'), `${configured.tags.join('\n')}\n`);
  const { configuration, problems } = await loadConfiguration(config, componentSpecs);
  if (configuration === null) throw new Error(JSON.stringify(problems));
  const { observer, metrics } = createObserver({
    write: () => {},
    now: () => Date.now(),
    level: 'error',
    format: 'text',
  });
  const socketPath = join(directory, 'g.sock');
  const gateway = await startGateway({
    ...{ configuration, socketPath, clock: livedClock, random: Math.random, observer, metrics },
  });
  t.teardown(async () => {
    await gateway.stop();
    await rm(directory, { recursive: true, force: true });
  });
  await until(async () => (await gateway.control.currentValues({ tag: awaited }))[0]?.current !== null, {
    what: 'a value',
  });
  return {
    directory,
    socketPath,
    cli: (...args) => headgate(['--socket', socketPath, ...args]),
    stop: () => gateway.stop(),
  };
}
