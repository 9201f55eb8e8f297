import { setTimeout as pause } from 'node:timers/promises';
import { REFUSED_TYPE } from '../../src/journal/refused-event.ts';
import type { Plant } from './plant.ts';
import { figuresOf, type PlantShare } from './plants.ts';
import type { TortureFigures } from './torture-case.ts';

const ALARM_LIMIT_S = 5;
const RECOVERY_LIMIT_S = 10;
const TIMEOUT_MS = 30_000;
const RECOVERY_LOAD_MS = 500;

/** A disk that takes nothing, and takes something again. */
export interface BlockedDisk {
  /** What `status` then says. */
  readonly reason: 'disk' | 'readonly';
  /** How long it stays so after the alarm. */
  readonly blockedMs: number;
  block(): Promise<void>;
  unblock(): Promise<void>;
}

/**
 * Block the disk under a running gateway again and again: the alarm must be raised in time, the daemon must live, its devices stay connected
 * and read, and events must be accepted again in time. What was accepted must arrive, and what was refused must be told.
 */
export async function blockAgainAndAgain(plant: Plant, disk: BlockedDisk, share: PlantShare): Promise<TortureFigures> {
  const { runs, seed, random } = share;
  const failures: string[] = [];
  let [maxAlarmSeconds, maxUnblockSeconds, refusedSamples] = [0, 0, 0];
  await plant.start();
  for (let run = 0; run < runs; run++) {
    const fail = (text: string) => failures.push(`seed ${seed}, run ${run}: ${text}`);
    await pause(300 + random() * 700);
    const blockedAt = performance.now();
    await disk.block();
    const alarmed = await until(async () => (await plant.status())?.journal.blocked === disk.reason);
    const alarmSeconds = (performance.now() - blockedAt) / 1000;
    if (!alarmed)
      fail(`no alarm: ${JSON.stringify((await plant.status())?.journal.blocked)}, ${plant.daemon.lastLines(2)}`);
    else if (alarmSeconds > ALARM_LIMIT_S) fail(`the alarm came after ${alarmSeconds} s`);
    if (!plant.daemon.log.includes('the journal accepts nothing')) fail('no line in the log');
    const before = await plant.status();
    await pause(disk.blockedMs);
    const after = await plant.status();
    if (before === null || after === null) fail(`the daemon does not answer: ${plant.daemon.lastLines()}`);
    else {
      if (!(after.samples.read > before.samples.read)) fail('nothing is read from the devices any more');
      const lost = after.devices.filter(({ state }) => state.state !== 'connected').map(({ name }) => name);
      if (lost.length > 0) fail(`not connected: ${lost.join(', ')}`);
    }
    const unblockedAt = performance.now();
    await disk.unblock();
    // The oracle was disconnected by a refused publish, or waits for its acknowledgement.
    const accepted = await until(() => plant.isAccepting());
    const seconds = (performance.now() - unblockedAt) / 1000;
    if (!accepted) fail(`nothing is accepted again: ${plant.daemon.lastLines()}`);
    else if (seconds > RECOVERY_LIMIT_S) fail(`accepts again after ${seconds} s`);
    if (plant.daemon.end !== null) throw new Error(`run ${run}: the daemon ended: ${plant.daemon.lastLines()}`);
    maxAlarmSeconds = Math.max(maxAlarmSeconds, alarmSeconds);
    maxUnblockSeconds = Math.max(maxUnblockSeconds, seconds);
    await pause(RECOVERY_LOAD_MS);
  }
  refusedSamples += (await plant.status())?.samples.refused ?? 0;
  const end = await plant.rest();
  const told = plant.told(REFUSED_TYPE);
  if (told < runs) failures.push(`seed ${seed}: ${told} events tell of refusals, there were ${runs}`);
  const figures = figuresOf(plant, end, seed, { mayLose: end.receiver.gapEvents });
  return {
    ...figures,
    maxRecoverySeconds: Math.max(round(maxUnblockSeconds), figures.maxRecoverySeconds),
    own: {
      ...figures.own,
      maxAlarmSeconds: round(maxAlarmSeconds),
      maxUnblockSeconds: round(maxUnblockSeconds),
      refusedSamples,
      told,
    },
    failures: [...figures.failures, ...failures],
  };
}

async function until(condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await pause(20);
  }
  return true;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
