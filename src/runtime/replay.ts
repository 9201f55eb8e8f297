import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';
import type { ReplayProgress, ReplayRequest } from '../ports/control.ts';
import type { Journal } from '../ports/journal.ts';
import type { Forwarder } from './forwarder.ts';
import { type ReplayTarget, replay } from './replay/replay-run.ts';
import type { ServiceHost } from './service-host.ts';

export interface ReplaysOptions {
  readonly journal: Pick<Journal, 'lastSequence' | 'read'>;
  readonly forwarder: Pick<Forwarder, 'replayTarget' | 'status'>;
  readonly services: Pick<ServiceHost, 'replayTarget' | 'list'>;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Replays that run at once, each to another target. */
const MAX_REPLAYS = 2;

/**
 * Replays on request: stored events to one sink or one service again, marked as such. Each is in the log from beginning to end.
 * @returns as ControlApi.replayEvents
 */
export function createReplays(options: ReplaysOptions) {
  const { journal, forwarder, services, clock, observer } = options;
  const running = new Set<string>();
  let runs = 0;

  /** @throws REPLAY_TARGET_UNKNOWN; REPLAY_TARGET_AMBIGUOUS */
  const targetOf = (request: ReplayRequest): { name: string; target: ReplayTarget } => {
    const { to } = request;
    const sinks = forwarder.status().map(({ name }) => `sink:${name}`);
    const hosted = services.list().map(({ name }) => `service:${name}`);
    const known = [...sinks, ...hosted];
    const matching = known.filter((name) => name === to || name.slice(name.indexOf(':') + 1) === to);
    const [name, other] = matching;
    if (name === undefined) {
      throw new HeadgateError('REPLAY_TARGET_UNKNOWN', { target: to, known: known.join(', ') || 'none' });
    }
    if (other !== undefined)
      throw new HeadgateError('REPLAY_TARGET_AMBIGUOUS', { target: to, sink: name, service: other });
    const bare = name.slice(name.indexOf(':') + 1);
    const target = name.startsWith('sink:')
      ? forwarder.replayTarget(bare)
      : services.replayTarget(bare, request.isKept);
    return { name, target };
  };

  return async function* replayEvents(request: ReplayRequest, signal: AbortSignal): AsyncGenerator<ReplayProgress> {
    const { name, target } = targetOf(request);
    if (running.has(name) || running.size >= MAX_REPLAYS) {
      throw new HeadgateError('CONTROL_BUSY', { running: running.size, what: 'replays' });
    }
    const run = `r${Math.floor(clock.now()).toString(36)}-${++runs}`;
    const audit = observer.with({ run, target: name });
    const { where, lanes, eventsPerSecond, isKept, by } = request;
    let last: ReplayProgress | null = null;
    let outcome = 'cancelled';
    running.add(name);
    audit.emit('replay-started', { by, kept: isKept, ...where, lanes: lanes?.join(',') });
    try {
      const selection = { ...(where === undefined ? {} : { where }), ...(lanes === undefined ? {} : { lanes }) };
      const pages = replay({ run, request: selection, target, eventsPerSecond, journal, clock, signal });
      for await (const progress of pages) {
        last = progress;
        yield progress;
      }
      outcome = 'complete';
    } catch (error) {
      if (!signal.aborted) outcome = messageOf(error);
      throw error;
    } finally {
      running.delete(name);
      const { found = 0, taken = 0, failed = 0, published = 0 } = last ?? {};
      audit.emit('replay-ended', { outcome, found, taken, failed, published }, taken);
    }
  };
}
