import { readProfiles } from '../../src/config/profiles.ts';
import { busTiming, readMs, type SerialLine } from '../../src/drivers/modbus/bus-timing.ts';
import { type Extent, type PlanLimits, planReads, readsOf } from '../../src/drivers/modbus/plan.ts';
import { pointOf } from '../../src/drivers/modbus/point.ts';
import { readCost } from '../../src/drivers/modbus/read-cost.ts';
import { tagOf } from './profile-tag.ts';

/** What reading all tags of a device once takes a line, planned in three ways. */
export interface PlannerFigures {
  readonly device: string;
  readonly line: string;
  readonly tags: number;
  /** By wire-seconds, merging contiguous registers only, one request for each tag. */
  readonly plannedMs: number;
  readonly contiguousMs: number;
  readonly singleMs: number;
}

const LATENCY_MS = 20;
const BAUD_RATES = [9_600, 19_200, 115_200];

/** Compare the planner with the two usual ways, on the register maps of all built-in profiles. @param directory config/profiles */
export async function comparePlanners(directory: string): Promise<readonly PlannerFigures[]> {
  const profiles = await readProfiles(directory);
  return profiles.flatMap((profile) => {
    const points = profile.tags.map((tag) => pointOf(tagOf(profile, tag), 1));
    return BAUD_RATES.map((baudRate): PlannerFigures => {
      const line: SerialLine = { baudRate, dataBits: 8, parity: 'none', stopBits: 1 };
      const timing = busTiming('rtu', line, 0);
      const limits: PlanLimits = {
        maxRegisters: 125,
        maxBits: 2_000,
        maxGap: 125,
        forbidden: [],
        costOf: readCost(timing, { latencyMs: LATENCY_MS, registerMs: null }),
      };
      const cost = (reads: readonly Extent[]) => reads.reduce((sum, read) => sum + readMs(timing, read, LATENCY_MS), 0);
      const planned = (own: PlanLimits) => cost(planReads(points, own).flatMap((block) => readsOf(block, own)));
      return {
        device: profile.name,
        line: `RTU ${baudRate} 8N1, ${LATENCY_MS} ms`,
        tags: points.length,
        plannedMs: planned(limits),
        contiguousMs: planned({ ...limits, maxGap: 0, costOf: () => 1 }),
        singleMs: cost(points),
      };
    });
  });
}
