import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HeadgateError } from '../../errors/headgate-error.ts';
import type { StatusReport } from '../../ports/control.ts';
import { connectControl } from '../../system/control-client.ts';
import type { HealthView } from '../health-show.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const LOG_LIMIT = 20_000;

/** The real daemon in a process of its own, as `headgate run` starts it. */
export interface GatewayProcess {
  readonly pid: number;
  status(): Promise<StatusReport>;
  /** What the health service says of each asset that it watches; none when it does not run. */
  assetHealth(): Promise<readonly HealthView[]>;
  /** SIGTERM, and wait for its end. @returns its exit code */
  stop(): Promise<number | null>;
}

/**
 * Start the daemon and wait until it answers.
 * @throws DEMO_GATEWAY_FAILED it ended, or did not answer in time; with the end of its log
 */
export async function startGatewayProcess(configDirectory: string, socketPath: string): Promise<GatewayProcess> {
  const launcher = fileURLToPath(new URL('../../../scripts/headgate', import.meta.url));
  const child: ChildProcess = spawn(launcher, ['run', '--config', configDirectory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString('utf8')).slice(-LOG_LIMIT);
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const onParentExit = () => child.kill('SIGKILL');
  process.once('exit', onParentExit);
  void exited.then(() => process.off('exit', onParentExit));
  const control = connectControl(socketPath);
  const deadline = performance.now() + READY_TIMEOUT_MS;
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  for (;;) {
    try {
      await control.status();
      break;
    } catch {
      if (hasEnded || performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new HeadgateError('DEMO_GATEWAY_FAILED', { log: log.trim().split('\n').slice(-5).join(' | ') });
      }
      await pause(50);
    }
  }
  return {
    pid: child.pid ?? 0,
    status: () => control.status(),
    assetHealth: async () => {
      const { services } = await control.status();
      if (!services.some(({ name }) => name === 'health')) return [];
      return (await control.serviceQuery('health', 'assets', null)) as readonly HealthView[];
    },
    stop: async () => {
      child.kill('SIGTERM');
      const late = new AbortController();
      const code = await Promise.race([
        exited,
        pause(STOP_TIMEOUT_MS, null, { signal: late.signal }).catch(() => null),
      ]);
      late.abort();
      child.kill('SIGKILL');
      return code;
    },
  };
}
