import { closeSync, openSync, readdirSync, readSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { GAP_TYPE } from '../../src/model/event.ts';
import type { Random } from '../../src/ports/clock.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import { FaultDisk } from './fault-disk.ts';
import { Plant } from './plant.ts';
import { figuresOf, inPlants, type PlantShare } from './plants.ts';
import type { Torture, TortureFigures } from './torture-case.ts';

const RUNS_PER_PLANT = 4;
const START_LIMIT_S = 30;
const LOAD_MS = 900;
const DRAIN_MS = 1_200;
/** Small segments, which keep what was settled, so that there is much to damage. */
const JOURNAL = { segment_mb: 0.125, retain_settled_h: 24 };

/**
 * Bits flip and files are cut short or vanish, anywhere in the journal's directory: while the gateway is stopped, with a backlog that its
 * sink has not seen, or (plants of odd seeds) under the running gateway. It must start, serve the rest, and tell exactly what is lost.
 */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, (share) => (share.seed % 2 === 0 ? whileStopped(share) : whileRunning(share))),
};

async function whileStopped(share: PlantShare): Promise<TortureFigures> {
  const { runs, random } = share;
  const told = new GapBook();
  const plant = await Plant.open({ random, journal: JOURNAL, onArrived: (event) => told.note(event) });
  const own = { flips: 0, truncations: 0, removals: 0, ledgersHit: 0 };
  try {
    for (let run = 0; run < runs; run++) {
      cutWan(plant, true);
      await plant.start();
      await pause(LOAD_MS);
      await plant.oracle.finish();
      await plant.daemon.stop();
      for (let n = 1 + Math.floor(random() * 4); n > 0; n--) own[damage(plant.journalDirectory, random, own)]++;
      await plant.start();
      cutWan(plant, false);
      await pause(DRAIN_MS * random());
      await plant.oracle.finish();
      await plant.daemon.stop();
    }
    return await takeStock(plant, share, told, own);
  } finally {
    await plant.close();
  }
}

async function whileRunning(share: PlantShare): Promise<TortureFigures> {
  const { runs, random } = share;
  const disk = await FaultDisk.mount();
  const told = new GapBook();
  const plant = await Plant.open({
    random,
    journal: JOURNAL,
    dataDirectory: join(disk.path, 'data'),
    onArrived: (event) => told.note(event),
  });
  const own = { flips: 0, truncations: 0, removals: 0, ledgersHit: 0 };
  try {
    for (let run = 0; run < runs; run++) {
      cutWan(plant, true);
      await plant.start();
      await pause(LOAD_MS);
      for (let n = 1 + Math.floor(random() * 4); n > 0; n--) {
        const sealed = segmentsOf(plant.journalDirectory, random);
        if (sealed === null) continue;
        await disk.rot(Math.floor(random() * 2 ** 32), 1, `/data/journal/${sealed}`);
        own.flips++;
      }
      cutWan(plant, false);
      await pause(DRAIN_MS * random());
      await plant.oracle.finish();
      await plant.daemon.stop();
    }
    return await takeStock(plant, share, told, own);
  } finally {
    await plant.close();
    await disk.close();
  }
}

async function takeStock(
  plant: Plant,
  { seed }: PlantShare,
  told: GapBook,
  own: { readonly ledgersHit: number; readonly [name: string]: number },
): Promise<TortureFigures> {
  await plant.start();
  await plant.verifyLive();
  const end = await plant.rest();
  const { receiver, oracle } = end;
  // A ledger that is lost takes its counts along: then the numbers without an event are all that can be told.
  const explained = receiver.gapEvents + (own.ledgersHit > 0 ? receiver.unused : 0);
  const figures = figuresOf(plant, end, seed, { mayLose: explained, isLedgerLost: own.ledgersHit > 0 });
  const failures = [...figures.failures];
  if (plant.maxRecoverySeconds > START_LIMIT_S) failures.push(`seed ${seed}: started in ${plant.maxRecoverySeconds} s`);
  if (own.ledgersHit === 0 && told.lost !== receiver.gapEvents) {
    failures.push(`seed ${seed}: gaps tell of ${told.lost} events, ${receiver.gapEvents} are missing`);
  }
  return {
    ...figures,
    own: { ...figures.own, ...own, lostAndTold: oracle.lost, gapEvents: receiver.gapEvents },
    failures,
  };
}

/** What gap events tell, each gap once. */
class GapBook {
  readonly #counts = new Map<number, number>();

  note(event: ReceivedEvent): void {
    if (event.type !== GAP_TYPE) return;
    const { gap, count } = event.data as { readonly gap: number; readonly count: number };
    this.#counts.set(gap, count);
  }

  get lost(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}

function cutWan(plant: Plant, isCut: boolean): void {
  plant.wan.faults.accept = isCut ? 'reset' : 'pass';
  if (isCut) plant.wan.reset();
}

/** Hurt one file of a stopped journal. */
function damage(directory: string, random: Random, own: { ledgersHit: number }): 'flips' | 'truncations' | 'removals' {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(
      (entry) =>
        entry.isFile() &&
        /\.db(-wal)?$/.test(entry.name) &&
        !/quarantine|lock/.test(join(entry.parentPath, entry.name)),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).size > 0)
    .sort();
  const path = files[Math.floor(random() * files.length)];
  if (path === undefined) throw new Error('the journal has no file');
  if (path.includes('cursors')) own.ledgersHit++;
  const { size } = statSync(path);
  const kind = random();
  if (kind < 0.15) {
    truncateSync(path, Math.floor(random() * size));
    return 'truncations';
  }
  if (kind < 0.2) {
    rmSync(path);
    return 'removals';
  }
  const handle = openSync(path, 'r+');
  try {
    const at = Math.floor(random() * size);
    const byte = new Uint8Array(1);
    readSync(handle, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << Math.floor(random() * 8));
    writeSync(handle, byte, 0, 1, at);
  } finally {
    closeSync(handle);
  }
  return 'flips';
}

/** A segment's file below the journal's directory, drawn by chance; null if there is none yet. */
function segmentsOf(directory: string, random: Random): string | null {
  const names = ['critical', 'normal', 'bulk'].flatMap((lane) =>
    readdirSync(join(directory, lane))
      .filter((name) => name.endsWith('.db'))
      .map((name) => `${lane}/${name}`),
  );
  return names[Math.floor(random() * names.length)] ?? null;
}
