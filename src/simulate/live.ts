import type { StatusCode } from '../model/quality.ts';
import type { TagValue } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import type { Timer } from '../ports/clock.ts';
import type { Fault } from './faults.ts';
import { type LineServersOptions, type SimulatedEndpoint, startLineServers } from './line-servers.ts';

/** What makes the values of a live line: a model, a generator. */
interface LiveSource {
  /**
   * Let line time pass up to a moment (ms since the start).
   * @returns the value of a tag at that moment, by its position in the tags of the line
   */
  stepTo(atMs: Millis): (tag: number) => { readonly value: TagValue; readonly status: StatusCode };
}

export interface LiveOptions extends LineServersOptions {
  readonly source: LiveSource;
  /** How often the source steps; tags are written at their own scan period, or each step if that is longer. */
  readonly stepMs: Millis;
}

/** A line that a source makes as time passes. */
export interface LiveLine {
  readonly endpoints: readonly SimulatedEndpoint[];
  inject(fault: Fault): () => Promise<void>;
  close(): Promise<void>;
}

/**
 * Serve values that are made while time passes, through the same servers as a recording. A value is written when it changes,
 * with the time at which it was made.
 * @throws SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE
 */
export async function startLive(options: LiveOptions): Promise<LiveLine> {
  const { clock, tags, stepMs } = options;
  const servers = await startLineServers(options);
  const targets = tags.map((tag) => {
    const device = servers.device(tag.device);
    return { device, index: device?.tags.indexOf(tag) ?? -1, everySteps: Math.max(1, Math.round(tag.scanMs / stepMs)) };
  });
  const last: { value: TagValue; status: StatusCode }[] = [];
  const startedAt = clock.now();
  let step = 0;
  let timer: Timer | null = null;
  const tick = () => {
    // After a stall the steps in between are not made up: nobody was there to see them.
    const from = step;
    step = Math.max(from, Math.floor((clock.now() - startedAt) / stepMs));
    const read = options.source.stepTo(step * stepMs);
    const time = startedAt + step * stepMs;
    targets.forEach((target, position) => {
      const isDue = step === 0 || Math.floor(step / target.everySteps) > Math.floor(from / target.everySteps);
      if (!isDue) return;
      const { value, status } = read(position);
      const before = last[position];
      if (before !== undefined && before.value === value && before.status === status) return;
      last[position] = { value, status };
      target.device?.write(target.index, value, status, time);
    });
    timer = clock.after(Math.max(1, startedAt + (step + 1) * stepMs - clock.now()), tick);
  };
  tick();
  return {
    endpoints: servers.endpoints,
    inject: (fault) => servers.inject(fault),
    async close() {
      timer?.cancel();
      await servers.close();
    },
  };
}
