import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoredEvent } from '../../ports/journal.ts';
import type { Sink } from '../../ports/sink.ts';
import type { ReplayedPage, ReplayTarget } from '../replay/replay-run.ts';

export interface SinkReplayOptions {
  readonly name: string;
  readonly sink: Sink;
  readonly clock: Clock;
  /** The link has nothing else to do. */
  readonly mayGo: () => boolean;
  /** A batch of so many bytes goes. @returns what it was charged */
  readonly onSent: (bytes: number) => number;
  readonly onConfirmed: (charged: number, bytes: number, wireBytes: number) => void;
  /** The batch is no longer on the way. */
  readonly onDone: () => void;
  /** The link failed under it. */
  readonly onFailed: (error: unknown) => void;
  readonly isStopped: () => boolean;
}

/** How often a replay looks whether the link is free. */
const LOOK_MS = 20;

/** Sends replayed batches to one sink, one at a time; what a lost link cut off goes again, under the same ids. */
export class SinkReplay implements ReplayTarget {
  readonly page: ReplayTarget['page'];
  readonly #options: SinkReplayOptions;

  constructor(options: SinkReplayOptions) {
    this.#options = options;
    const { maxEvents, maxBytes } = options.sink.pacing;
    this.page = { maxEvents, maxBytes };
  }

  /** @throws SINK_REJECTED the destination will never take it; SINK_DISCONNECTED the gateway stops; the signal's reason */
  async deliver(events: readonly StoredEvent[], run: string, signal: AbortSignal): Promise<ReplayedPage> {
    for (;;) {
      await this.#free(signal);
      if (await this.#send(events, run)) return { taken: events.length, failed: 0, published: 0, lastError: null };
    }
  }

  /** False: the link was lost. */
  async #send(events: readonly StoredEvent[], replay: string): Promise<boolean> {
    const { sink, onSent, onConfirmed, onDone, onFailed } = this.#options;
    const bytes = events.reduce((sum, event) => sum + event.bytes.length, 0);
    const charged = onSent(bytes);
    try {
      const receipt = await sink.send({ events, historical: true, coverage: null, replay });
      onConfirmed(charged, bytes, receipt.bytes);
      return true;
    } catch (error) {
      if (isHeadgateError(error, 'SINK_REJECTED')) throw error;
      onFailed(error);
      return false;
    } finally {
      onDone();
    }
  }

  async #free(signal: AbortSignal): Promise<void> {
    const { clock, mayGo, isStopped, name } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      if (isStopped()) throw new HeadgateError('SINK_DISCONNECTED', { sink: name, reason: 'the gateway stops' });
      if (mayGo()) return;
      await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
    }
  }
}
