import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LifeResult } from './life.ts';

/** What is told of a life. */
export type LifeReport = Omit<LifeResult, 'hash' | 'lines'>;

export interface RunLivesOptions {
  readonly first: number;
  readonly count: number;
  /** Processes side by side. */
  readonly jobs: number;
  /** Told of each life; true ends all of it. */
  readonly onLife: (report: LifeReport) => boolean;
}

const LIVES = fileURLToPath(new URL('lives.process.ts', import.meta.url));

/**
 * Live the lives of some seeds over several processes.
 * @throws Error a process ended before its lives were over
 */
export async function runLives({ first, count, jobs, onLife }: RunLivesOptions): Promise<void> {
  const width = Math.min(jobs, count);
  let isEnded = false;
  const children = Array.from({ length: width }, (_, i) => {
    const own = Math.ceil((count - i) / width);
    return fork(LIVES, [first + i, own, width].map(String), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  });
  await Promise.all(
    children.map(async (child) => {
      child.on('message', (report: LifeReport) => {
        if (isEnded || !onLife(report)) return;
        isEnded = true;
        for (const one of children) one.kill('SIGKILL');
      });
      const [code] = await once(child, 'exit');
      if (code !== 0 && !isEnded) throw new Error(`a process of lives ended with ${code}`);
    }),
  );
}
