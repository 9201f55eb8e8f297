import { type LifeReport, watchLives } from './watch-lives.ts';

export interface RunLivesOptions {
  readonly first: number;
  readonly count: number;
  /** Processes side by side. */
  readonly jobs: number;
  /** Told of each life; true ends all of it. */
  readonly onLife: (report: LifeReport) => boolean;
}

/**
 * Live the lives of some seeds over several processes, each twice.
 * @throws Error a process ended before its lives were over
 */
export async function runLives({ first, count, jobs, onLife }: RunLivesOptions): Promise<void> {
  const width = Math.min(jobs, count);
  const watches = Array.from({ length: width }, (_, i) =>
    watchLives({
      first: first + i,
      count: Math.ceil((count - i) / width),
      step: width,
      times: 2,
      mutant: null,
      onLife: (report) => {
        const isEnough = onLife(report);
        if (isEnough) for (const { end } of watches) end();
        return isEnough;
      },
    }),
  );
  await Promise.all(watches.map(({ over }) => over));
}
