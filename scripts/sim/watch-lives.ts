import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LifeResult } from './life.ts';
import type { Mutant } from './mutants.table.ts';

/** What is told of a life. */
export type LifeReport = Omit<LifeResult, 'hash' | 'lines'>;

export interface WatchLivesOptions {
  readonly first: number;
  readonly count: number;
  /** Distance between seeds. */
  readonly step: number;
  /** How often each seed is lived: twice shows that it gives the same life. */
  readonly times: 1 | 2;
  /** A deliberate fault in the product; null: none. */
  readonly mutant: Mutant | null;
  /** Told of each life; true ends the rest. */
  readonly onLife: (report: LifeReport) => boolean;
}

const LIVES = fileURLToPath(new URL('lives.process.ts', import.meta.url));
const PRELOAD = new URL('mutate.preload.ts', import.meta.url).href;
/** A long life takes 5 s of a core, and others may want it too; one that takes so long never ends: only from outside can a loop be seen that gives no turn to anything. */
const LIFE_MS = 60_000;

/**
 * Live the lives of some seeds one after another in a process of their own. A life that does not end breaks an invariant like any other;
 * its process is killed, and the next seed goes on in a new one.
 * @returns a way to end it early, and a promise that resolves when all is over, and rejects when the process ended before its lives were
 */
export function watchLives(options: WatchLivesOptions): { readonly over: Promise<void>; end(): void } {
  const { first, count, step, times, mutant, onLife } = options;
  let isEnded = false;
  let end = () => {
    isEnded = true;
  };
  /** @returns how many lives were lived */
  const liveFrom = (done: number): Promise<number> =>
    new Promise((resolve, reject) => {
      let lived = done;
      let isOver = false;
      let told = '';
      const args = [first + done * step, count - done, step, times].map(String);
      const child = fork(LIVES, args, {
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
        execArgv: mutant === null ? [] : ['--import', PRELOAD],
        env: { ...process.env, HEADGATE_MUTANT: mutant?.name },
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        told = (told + chunk.toString()).slice(-400);
      });
      const stop = () => {
        isOver = true;
        child.kill('SIGKILL');
      };
      end = () => {
        isEnded = true;
        stop();
      };
      const report = (life: LifeReport) => {
        lived++;
        if (onLife(life)) end();
      };
      const hangs = () => {
        const violation = { invariant: 'a life ends' as const, detail: `not within ${LIFE_MS} ms` };
        const seed = first + lived * step;
        stop();
        report({ seed, violation, virtualSeconds: 0, acceptedEvents: 0, processes: 0 });
      };
      let watch = setTimeout(hangs, LIFE_MS * times);
      child.on('message', (life: LifeReport) => {
        if (isOver) return;
        clearTimeout(watch);
        watch = setTimeout(hangs, LIFE_MS * times);
        report(life);
      });
      child.on('exit', (code) => {
        clearTimeout(watch);
        if (isOver || code === 0) resolve(lived);
        else reject(new Error(`${mutant?.name ?? 'a process of lives'} ended with ${code}: ${told}`));
      });
    });
  const live = async () => {
    for (let done = 0; done < count && !isEnded; ) done = await liveFrom(done);
  };
  return { over: live(), end: () => end() };
}
