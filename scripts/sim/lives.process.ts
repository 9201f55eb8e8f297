/** Lives some lives in a process of its own: argv = first seed, how many, distance between seeds, how often each (2 if not told); one message for each. */
import { Life } from './life.ts';
import type { LifeReport } from './watch-lives.ts';

const [first = 0, count = 0, step = 1, times = 2] = process.argv.slice(2).map(Number);
for (let i = 0; i < count; i++) {
  const seed = first + i * step;
  const once = await new Life(seed, false).live();
  const again = times > 1 ? await new Life(seed, false).live() : once;
  const isSame = once.hash === again.hash;
  const { violation, virtualSeconds, acceptedEvents, processes } = once;
  const differs = {
    invariant: 'the same seed gives the same life' as const,
    detail: `${once.hash}, then ${again.hash}`,
  };
  const report: LifeReport = {
    seed,
    violation: violation ?? (isSame ? null : differs),
    virtualSeconds,
    acceptedEvents,
    processes,
  };
  const isGoingOn = await new Promise<boolean>((resolve) =>
    process.send?.(report, undefined, undefined, (error) => resolve(error === null)),
  );
  if (!isGoingOn) break;
}
if (process.connected) process.disconnect?.();
