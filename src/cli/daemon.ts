import { lstat } from 'node:fs/promises';
import { HeadgateError, isHeadgateError } from '../errors/headgate-error.ts';
import { type ControlClient, connectControl } from '../system/control-client.ts';
import type { CliContext } from './cli-context.ts';
import { socketCandidates } from './configuration.ts';

/**
 * The daemon of this configuration (or of --socket); asked for nothing yet.
 * @throws CONTROL_NOT_RUNNING no socket is there
 */
export async function needDaemon(context: CliContext): Promise<ControlClient> {
  const candidates = await socketCandidates(context);
  for (const path of candidates) {
    const kind = await kindOf(path);
    if (kind === 'forbidden') throw new HeadgateError('CONTROL_FORBIDDEN', { path });
    if (kind === 'there') return connectControl(path);
  }
  throw new HeadgateError('CONTROL_NOT_RUNNING', { path: candidates[0] ?? '' });
}

/** What the daemon answers, or null when none runs: for commands that do without it. */
export async function askDaemon<T>(context: CliContext, ask: (daemon: ControlClient) => Promise<T>): Promise<T | null> {
  try {
    return await ask(await needDaemon(context));
  } catch (error) {
    if (isHeadgateError(error, 'CONTROL_NOT_RUNNING') || isHeadgateError(error, 'CONTROL_FORBIDDEN')) return null;
    throw error;
  }
}

async function kindOf(path: string): Promise<'there' | 'absent' | 'forbidden'> {
  try {
    await lstat(path);
    return 'there';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'forbidden' : 'absent';
  }
}
