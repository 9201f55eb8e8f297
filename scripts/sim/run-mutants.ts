import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MUTANTS, type Mutant } from './mutants.table.ts';
import type { LifeReport } from './run-lives.ts';

/** What became of one mutant. */
export interface MutantReport {
  readonly name: string;
  /** Null: it was not caught. */
  readonly caughtBy: { readonly seed: number; readonly invariant: string } | null;
  /** In which the product without the mutant holds all invariants. */
  readonly lives: number;
}

export interface RunMutantsOptions {
  /** Seeds 1 to this are lived until one notices. */
  readonly seeds: number;
  readonly jobs: number;
  /** Told of each as it comes. */
  readonly onMutant: (report: MutantReport) => void;
}

const LIVES = fileURLToPath(new URL('lives.process.ts', import.meta.url));
const PRELOAD = new URL('mutate.preload.ts', import.meta.url).href;
/** A life takes a fraction of a second; one that takes so long never ends. */
const LIFE_MS = 20_000;

/**
 * Live the seeds without a mutant, then each mutant over those that hold, until one notices it.
 * @returns the seeds of the control that do not hold: they can catch nothing
 * @throws Error a mutant's text does not stand in its file once, or a process ended early
 */
export async function runMutants({ seeds, jobs, onMutant }: RunMutantsOptions): Promise<readonly number[]> {
  const control = await lives(null, 1, seeds, () => false);
  const broken = control.filter(({ violation }) => violation !== null).map(({ seed }) => seed);
  const left = [...MUTANTS];
  const work = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const isCaught = ({ seed, violation }: LifeReport) => violation !== null && !broken.includes(seed);
      const lived = await lives(mutant, 1, seeds, isCaught);
      const by = lived.find(isCaught);
      const caughtBy = by?.violation ? { seed: by.seed, invariant: by.violation.invariant } : null;
      onMutant({ name: mutant.name, caughtBy, lives: lived.length });
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return broken;
}

/** The lives of one mutant, up to the first that is enough. */
function lives(
  mutant: Mutant | null,
  first: number,
  count: number,
  isEnough: (report: LifeReport) => boolean,
): Promise<readonly LifeReport[]> {
  return new Promise((resolve, reject) => {
    const reports: LifeReport[] = [];
    const child = fork(LIVES, [first, count, 1, 1].map(String), {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execArgv: mutant === null ? [] : ['--import', PRELOAD],
      env: { ...process.env, HEADGATE_MUTANT: mutant?.name },
    });
    let told = '';
    let isOver = false;
    child.stderr?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    const end = () => {
      isOver = true;
      child.kill('SIGKILL');
    };
    const hangs = () => {
      const violation = { invariant: 'a life ends' as const, detail: `not within ${LIFE_MS} ms` };
      const seed = first + reports.length;
      reports.push({ seed, violation, virtualSeconds: 0, acceptedEvents: 0, processes: 0 });
      end();
    };
    let watch = setTimeout(hangs, LIFE_MS);
    child.on('message', (report: LifeReport) => {
      if (isOver) return;
      clearTimeout(watch);
      reports.push(report);
      if (isEnough(report)) end();
      else watch = setTimeout(hangs, LIFE_MS);
    });
    child.on('exit', (code) => {
      clearTimeout(watch);
      if (isOver || code === 0) resolve(reports);
      else reject(new Error(`${mutant?.name ?? 'the control'} ended with ${code}: ${told.slice(-400)}`));
    });
  });
}
