import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/support/until.ts';
import { Plant } from './plant.ts';
import { figuresOf, inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 50;
/** The deadlines by which the sink must notice, and what it may take beyond them on a busy machine. */
const ACK_TIMEOUT_MS = 1000;
const RECOVERS_WITHIN_SECONDS = 6;
const OUTAGE_MS = 300;
/** So slow that a backlog takes its time. */
const BYTES_PER_SECOND = 400_000;

/** The path dies in the middle of a drain and nobody says so: bytes vanish, sockets stay open. */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async ({ runs, seed, random }) => {
      const sink = { ack_timeout_ms: ACK_TIMEOUT_MS, connect_timeout_ms: 1000, keepalive_s: 1 };
      const plant = await Plant.open({ random, sink });
      const failures: string[] = [];
      let longest = 0;
      let midDrain = 0;
      try {
        await plant.start();
        for (let run = 0; run < runs; run++) {
          plant.wan.faults.accept = 'reset';
          plant.wan.reset();
          await pause(OUTAGE_MS);
          plant.wan.faults.bytesPerSecond = BYTES_PER_SECOND;
          plant.wan.faults.accept = 'pass';
          const before = plant.received.unique;
          await until(() => plant.received.unique > before, { what: 'the drain begins', timeoutMs: 20_000 });
          await pause(random() * 150);
          const status = await plant.status();
          if (status?.sinks.some(({ backlog, inFlight }) => backlog > 0 || inFlight > 0) === true) midDrain++;
          plant.wan.strand();
          const deadAt = performance.now();
          const { unique } = plant.received;
          // What was already beyond the proxy still arrives; then silence, then life.
          const connections = plant.wan.accepted;
          await until(() => plant.wan.accepted > connections && plant.received.unique > unique, {
            what: `run ${run}: recovery`,
            timeoutMs: 30_000,
            everyMs: 5,
          });
          longest = Math.max(longest, (performance.now() - deadAt) / 1000);
          plant.wan.faults.bytesPerSecond = null;
        }
        if (longest > RECOVERS_WITHIN_SECONDS) failures.push(`seed ${seed}: recovery took ${longest} s`);
        const figures = figuresOf(plant, await plant.rest(), seed);
        return {
          ...figures,
          maxRecoverySeconds: Math.max(figures.maxRecoverySeconds, Math.round(longest * 100) / 100),
          own: { ...figures.own, deaths: runs, midDrain, maxSilenceSeconds: Math.round(longest * 100) / 100 },
          failures: [...figures.failures, ...failures],
        };
      } finally {
        await plant.close();
      }
    }),
};
