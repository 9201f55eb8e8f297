import { setTimeout as pause } from 'node:timers/promises';
import { type HeadgateEvent, isTelemetry } from '../../src/model/event.ts';
import type { Random } from '../../src/ports/clock.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import type { FaultProxy } from '../../test/support/fault-proxy.ts';
import { Latencies } from '../bench/latencies.ts';
import { Plant } from './plant.ts';
import { figuresOf } from './plants.ts';
import { prefill } from './prefill.ts';
import type { Torture } from './torture-case.ts';

const OUTAGE_HOURS = 72;
const SAMPLES_A_RUN = 1_000_000;
const LIVE_SAMPLES_PER_SECOND = 10_000;
const DRAIN_FACTOR = 20;
const LIVE_P99_MS = 2000;
/** A line of 20 Mbit/s with a round trip of 40 ms. */
const BYTES_PER_SECOND = 2_500_000;
const ONE_WAY_MS = 20;
const LIVE_WARMUP_MS = 4000;
const DRAIN_TIMEOUT_MS = 3_600_000;

/**
 * The end of a 72 h outage, compressed: the journal holds `runs` million samples of it (2,592 would be all of 10,000 a second), written by the journal
 * itself as fast as it goes. Then the gateway runs with 10,000 live samples a second and an oracle beside, and the line comes back: slow,
 * delayed, stalling, reset, and now and then half-open.
 */
export const torture: Torture = {
  run: async ({ runs, seed, random, say }) => {
    const watch = new Watch();
    const journal = { quota_mb: 60_000, segment_mb: 64, ballast_mb: 1, retain_settled_h: 0 };
    const plant = await Plant.open({
      random,
      journal,
      window: 1,
      devices: { tags: LIVE_SAMPLES_PER_SECOND, units: 10, periodMs: 1000 },
      onArrived: (event) => watch.arrived(event),
      sink: {
        batch: { linger_ms: 200 },
        ack_timeout_ms: 1200,
        connect_timeout_ms: 1200,
        keepalive_s: 2,
        reconnect: { min_ms: 50, max_ms: 200 },
      },
    });
    try {
      const filledFrom = performance.now();
      const backlog = await prefill(plant.journalDirectory, journal, {
        samples: runs * SAMPLES_A_RUN,
        hours: OUTAGE_HOURS,
        random,
      });
      const prefillSeconds = (performance.now() - filledFrom) / 1000;
      say(`${backlog.samples} samples of an outage stored in ${prefillSeconds.toFixed(1)} s`);
      plant.wan.faults.accept = 'reset';
      await plant.start();
      await pause(LIVE_WARMUP_MS);
      Object.assign(plant.wan.faults, { delayMs: ONE_WAY_MS, bytesPerSecond: BYTES_PER_SECOND, accept: 'pass' });
      watch.heal();
      const healedAt = performance.now();
      const faults = new BadLine(plant.wan, random);
      await faults.until(async () => {
        const status = await plant.status();
        const sink = status?.sinks[0];
        if (sink !== undefined) say(`${sink.backlog} events of backlog, ${watch.historicalSamples} samples back`);
        return sink?.link === 'up' && sink.backlog === 0 && watch.historicalSamples >= backlog.samples;
      });
      const drainSeconds = (performance.now() - healedAt) / 1000;
      const live = watch.live(drainSeconds);
      plant.wan.faults.bytesPerSecond = null;
      const figures = figuresOf(plant, await plant.rest(), seed);
      const drainRate = backlog.samples / drainSeconds;
      const factor = drainRate / LIVE_SAMPLES_PER_SECOND;
      const failures = [...figures.failures];
      if (factor < DRAIN_FACTOR) failures.push(`seed ${seed}: the drain was ${factor.toFixed(1)} times the live rate`);
      if ((live.p99 ?? Number.POSITIVE_INFINITY) > LIVE_P99_MS)
        failures.push(`seed ${seed}: live p99 is ${live.p99} ms`);
      return {
        ...figures,
        own: {
          ...figures.own,
          compression: `${backlog.samples} of the ${OUTAGE_HOURS * 3600 * LIVE_SAMPLES_PER_SECOND} samples of ${OUTAGE_HOURS} h at ${LIVE_SAMPLES_PER_SECOND} a second, stored in ${prefillSeconds.toFixed(1)} s`,
          backlogEvents: backlog.events,
          drainSeconds: Number(drainSeconds.toFixed(1)),
          drainSamplesPerSecond: Math.round(drainRate),
          drainFactor: Number(factor.toFixed(1)),
          liveSamplesPerSecond: live.samplesPerSecond,
          liveMs: { p50: live.p50, p99: live.p99, events: live.events },
          ...faults.counts,
        },
        failures,
      };
    } finally {
      await plant.close();
    }
  },
};

/** Measures how late live events are, from commit to arrival, and how much of the backlog is back. */
class Watch {
  historicalSamples = 0;
  #healedAt = Number.POSITIVE_INFINITY;
  #liveSamples = 0;
  #liveEvents = 0;
  readonly #latencies = new Latencies();

  heal(): void {
    this.#healedAt = Date.now();
  }

  arrived(event: ReceivedEvent): void {
    const now = Date.now();
    const samples = isTelemetry(event as HeadgateEvent) ? (event.data as { readonly size: number }).size : 0;
    // Everything that was accepted after the line came back is live, however it travelled.
    if (event.recordedtime < this.#healedAt) {
      if (event.source.includes('/outage-')) this.historicalSamples += samples;
      return;
    }
    this.#liveSamples += samples;
    this.#liveEvents++;
    this.#latencies.add(now - event.recordedtime);
  }

  live(seconds: number) {
    const samplesPerSecond = Math.round(this.#liveSamples / seconds);
    return { ...this.#latencies.quantiles(), samplesPerSecond, events: this.#liveEvents };
  }
}

/** Does to a line what a bad one does: stalls as of lost packets, resets, and paths that are gone without a word. */
class BadLine {
  readonly counts = { stalls: 0, resets: 0, halfOpen: 0 };
  readonly #wan: FaultProxy;
  readonly #random: Random;

  constructor(wan: FaultProxy, random: Random) {
    this.#wan = wan;
    this.#random = random;
  }

  /** Go on until a condition holds. @throws Error it does not, for an hour */
  async until(isDone: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + DRAIN_TIMEOUT_MS;
    let nextAt = performance.now() + 1500;
    while (!(await isDone())) {
      if (performance.now() > deadline) throw new Error('the backlog does not drain');
      await pause(100);
      if (performance.now() < nextAt) continue;
      nextAt = performance.now() + 1500 + this.#random() * 2500;
      this.#hurt();
    }
  }

  #hurt(): void {
    const chance = this.#random();
    if (chance < 0.75) {
      this.counts.stalls++;
      this.#wan.stall(100 + this.#random() * 400);
    } else if (chance < 0.92) {
      this.counts.resets++;
      this.#wan.reset();
    } else {
      this.counts.halfOpen++;
      this.#wan.strand();
    }
  }
}
