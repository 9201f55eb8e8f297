import { messageOf } from '../../src/errors/headgate-error.ts';
import type { Random } from '../../src/ports/clock.ts';
import { seededRandom } from '../random.ts';
import type { Plant, PlantEnd } from './plant.ts';
import { sumFigures, type TortureContext, type TortureFigures } from './torture-case.ts';

/** One plant and how often it is hurt. */
export interface PlantShare {
  readonly runs: number;
  /** Of this plant alone: with `--runs` no more than a plant's share it can be had again by itself. */
  readonly seed: number;
  readonly random: Random;
  readonly say: (line: string) => void;
}

/**
 * Spread the runs over plants, some at a time, and add up what they found. A plant that throws is a failure of its own, with its seed.
 * @param runsPerPlant a new plant, with an empty journal and other settings, after so many runs
 */
export async function inPlants(
  context: TortureContext,
  runsPerPlant: number,
  torment: (share: PlantShare) => Promise<TortureFigures>,
): Promise<TortureFigures> {
  const plantCount = Math.ceil(context.runs / runsPerPlant);
  const found: TortureFigures[] = [];
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < plantCount) {
      const index = next++;
      const runs = Math.min(runsPerPlant, context.runs - index * runsPerPlant);
      // The first plant's seed is the one of the call.
      const seed = (context.seed + index) >>> 0;
      const say = (line: string) => context.say(`plant ${seed}: ${line}`);
      try {
        found.push(await torment({ runs, seed, random: seededRandom(seed), say }));
      } catch (error) {
        found.push({ ...NOTHING, failures: [`seed ${seed}: ${messageOf(error)}`] });
      }
      done += runs;
      const figures = sumFigures(found);
      const bad = figures.acceptedLost + figures.duplicatesAfterDedupe + figures.orderViolations + figures.corrupt;
      context.say(`${done} of ${context.runs} runs, ${bad} violations, ${figures.failures.length} failures`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(context.jobs, plantCount) }, worker));
  return sumFigures(found);
}

/** Figures of a plant at rest. `mayLose`: so many accepted events the fault may cost, since gaps tell of them; default none. */
export function figuresOf(
  plant: Plant,
  end: PlantEnd,
  seed: number,
  { mayLose = 0, isLedgerLost = false }: { readonly mayLose?: number; readonly isLedgerLost?: boolean } = {},
): TortureFigures {
  const { oracle, receiver, verify, ledger, unreadable } = end;
  const failures: string[] = [];
  const note = (is: boolean, text: string) => {
    if (is) failures.push(`seed ${seed}: ${text}`);
  };
  // Every event of every lane: what is neither waiting nor told as a gap must have arrived. After a lost ledger the books begin anew.
  const shortfall = isLedgerLost ? 0 : Math.max(0, ledger.received - ledger.gaps - ledger.waiting - receiver.unique);
  const unbalanced = ledger.received !== ledger.settled + ledger.waiting + ledger.gaps;
  const lost = Math.max(0, oracle.lost - mayLose);
  note(lost > 0, `accepted and lost: ${oracle.firstLost.join(', ')}`);
  note(shortfall > 0, `${shortfall} events are settled by the books and did not arrive`);
  note(!verify.holds, `verify: ${JSON.stringify(verify.problems.slice(0, 5))}`);
  note(unbalanced, `the ledger does not balance: ${JSON.stringify(ledger)}`);
  note(unreadable.length > 0, `unreadable: ${unreadable[0] ?? ''}`);
  note(ledger.waiting > 0, `${ledger.waiting} events still wait for the sink`);
  return {
    acceptedLost: Math.max(lost, shortfall),
    duplicatesAfterDedupe: oracle.duplicates + end.duplicatesAtReceiver,
    orderViolations: oracle.orderViolations + receiver.orderViolations,
    corrupt: verify.problems.length + (unbalanced ? 1 : 0) + unreadable.length,
    maxRecoverySeconds: Math.round(plant.maxRecoverySeconds * 100) / 100,
    own: {
      accepted: oracle.accepted,
      arrived: receiver.unique,
      repeatsDropped: receiver.repeats,
      gaps: ledger.gaps,
      unused: receiver.unused,
      unspoken: receiver.missing,
    },
    failures,
  };
}

const NOTHING: TortureFigures = {
  acceptedLost: 0,
  duplicatesAfterDedupe: 0,
  orderViolations: 0,
  corrupt: 0,
  maxRecoverySeconds: 0,
  own: {},
  failures: [],
};
