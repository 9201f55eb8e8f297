import { setTimeout as pause } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { decodeBatch } from '../../src/sinks/batch-decoder.ts';
import { until } from '../../test/support/until.ts';
import { Plant } from './plant.ts';
import { figuresOf, inPlants } from './plants.ts';
import type { Torture } from './torture-case.ts';

const RUNS_PER_PLANT = 2500;
const PERIOD_MS = 110;
/** The gateway is asked what it has settled after so many cuts. */
const CLAIM_EACH = 3;

/**
 * The link is reset 500 times a minute and more. Whatever the gateway has once called settled must never be sent again: it is asked again and again,
 * and every batch that it makes afterwards is held against its own word.
 */
export const torture: Torture = {
  run: (context) =>
    inPlants(context, RUNS_PER_PLANT, async ({ runs, seed, random }) => {
      const plant = await Plant.open({ random, sink: { reconnect: { min_ms: 10, max_ms: 40 } }, window: 8 });
      const witness = new Witness();
      const client = await witness.watch(plant.upstreamPort);
      try {
        await plant.start();
        const beganAt = performance.now();
        for (let run = 0; run < runs; run++) {
          const connections = plant.wan.accepted;
          const since = performance.now();
          plant.wan.reset();
          await until(() => plant.wan.accepted > connections, {
            what: `reconnect ${run}`,
            timeoutMs: 20_000,
            everyMs: 2,
          });
          if (run % CLAIM_EACH === 0) witness.claim((await plant.status())?.sinks[0]?.settled ?? 0);
          await pause(Math.max(0, PERIOD_MS - (performance.now() - since)) * (0.7 + random() * 0.6));
        }
        const minutes = (performance.now() - beganAt) / 60_000;
        const end = await plant.rest();
        const figures = figuresOf(plant, end, seed);
        const reconnectsPerMinute = Math.round(runs / minutes);
        const failures = [...figures.failures];
        if (witness.resentSettled > 0)
          failures.push(`seed ${seed}: ${witness.resentSettled} settled events were sent again`);
        if (witness.claims === 0) failures.push(`seed ${seed}: the gateway never said what it had settled`);
        const { resentSettled, claims } = witness;
        return {
          ...figures,
          own: { ...figures.own, maxReconnectsPerMinute: reconnectsPerMinute, resentSettled, claims },
          failures,
        };
      } finally {
        await client.endAsync(true);
        await plant.close();
      }
    }),
};

/** Sees every batch that reaches the upstream broker, repeats among them. */
class Witness {
  claims = 0;
  /** Events in batches that were made after the gateway had called them settled. */
  resentSettled = 0;
  #settled = 0;
  /** With the time at which it had been said; batches tell when they were made, by the same clock. */
  readonly #earlier: { readonly settled: number; readonly at: number }[] = [];

  async watch(port: number): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'witness' });
    client.on('message', (_topic, payload) => {
      void decodeBatch(payload).then(({ sent, events }) => {
        // The last claim that the gateway knew of when it made this batch.
        const claim = this.#earlier.findLast(({ at }) => at < (sent ?? 0));
        for (const { sequence } of events) if (claim !== undefined && sequence <= claim.settled) this.resentSettled++;
      });
    });
    await client.subscribeAsync('headgate/#', { qos: 1 });
    return client;
  }

  /** The gateway, just now: everything through here is settled. */
  claim(settled: number): void {
    if (settled <= this.#settled) return;
    this.claims++;
    this.#settled = settled;
    this.#earlier.push({ settled, at: Date.now() });
    if (this.#earlier.length > 1000) this.#earlier.shift();
  }
}
