import { MUTANTS, type Mutant } from './mutants.table.ts';
import { type LifeReport, watchLives } from './watch-lives.ts';

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
async function lives(
  mutant: Mutant | null,
  first: number,
  count: number,
  isEnough: (report: LifeReport) => boolean,
): Promise<readonly LifeReport[]> {
  const reports: LifeReport[] = [];
  const onLife = (report: LifeReport) => {
    reports.push(report);
    return isEnough(report);
  };
  await watchLives({ first, count, step: 1, times: 1, mutant, onLife }).over;
  return reports;
}
