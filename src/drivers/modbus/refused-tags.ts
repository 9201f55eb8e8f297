import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TagFault } from '../../ports/driver.ts';
import { meaningOf } from './failures.ts';

/** Refused tags that are tried again in one scan at most. */
const RETRIES_PER_SCAN = 8;

/** Refused tags that the log names since the last that was accepted; status names all. */
const MAX_LOGGED = 20;

/** Pause before refused tags are first tried again; it doubles up to `faulty_tag_retry_ms`. */
const FIRST_RETRY_MS = 10_000;

export interface RefusedTagsOptions {
  readonly device: string;
  readonly faultyTagRetryMs: Millis;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly tagFault: (tag: string, fault: TagFault | null) => void;
}

/** Which tag it is, and for people where it stands and what more there is to say of the failure. */
interface TaggedPlace {
  readonly tag: string;
  readonly place: string;
  readonly detail: string | undefined;
}

/** The tags of a scan that its unit refuses, by position: named, left out, and tried again now and then. */
export class RefusedTags {
  readonly #options: RefusedTagsOptions;
  readonly #faults = new Map<number, TagFault>();
  #retryAt: Millis = 0;
  #retryMs: Millis = 0;
  #toRetry: number[] = [];
  #logged = 0;

  constructor(options: RefusedTagsOptions) {
    this.#options = options;
  }

  get faults(): ReadonlyMap<number, TagFault> {
    return this.#faults;
  }

  /** Try them again in the next scan: the unit may be another one by now. */
  retrySoon(): void {
    this.#retryAt = 0;
  }

  /**
   * Name the tags that a block was refused for. The log has a line for a few of them each, and one for the others.
   * @param refused the exception of each
   */
  blame(refused: ReadonlyMap<number, number>, describe: (position: number) => TaggedPlace): void {
    const { device, observer, clock, faultyTagRetryMs, tagFault } = this.#options;
    let named = 0;
    for (const [position, exception] of refused) {
      const { tag, place, detail } = describe(position);
      const reason = `${meaningOf(exception).words}${detail === undefined ? '' : ` (${detail})`}: ${place}`;
      const fault: TagFault = { device, tag, reason };
      // A refusal may pass, as while a controller restarts: the first retries come soon.
      this.#retryMs = Math.min(FIRST_RETRY_MS, faultyTagRetryMs);
      if (this.#faults.size === 0) this.#retryAt = clock.monotonic() + this.#retryMs;
      this.#faults.set(position, fault);
      if (this.#logged < MAX_LOGGED) {
        named++;
        this.#logged++;
        observer.emit('modbus-tag-refused', { device, tag, reason });
      }
      tagFault(tag, fault);
    }
    const more = refused.size - named;
    if (more > 0) observer.emit('modbus-tags-refused', { device, tags: more, refused_in_all: this.#faults.size }, more);
  }

  /** Those that are to be tried again now, few at a time, so that the others keep flowing. */
  takeDue(): readonly number[] {
    if (this.#faults.size === 0) return [];
    if (this.#toRetry.length === 0) {
      const now = this.#options.clock.monotonic();
      if (now < this.#retryAt) return [];
      this.#retryMs = Math.min(this.#retryMs * 2, this.#options.faultyTagRetryMs);
      this.#retryAt = now + this.#retryMs;
      this.#toRetry = [...this.#faults.keys()];
    }
    return this.#toRetry.splice(0, RETRIES_PER_SCAN);
  }

  /** The unit has it after all. */
  accept(position: number): void {
    const fault = this.#faults.get(position);
    if (fault === undefined) return;
    const { device, observer, tagFault } = this.#options;
    this.#faults.delete(position);
    this.#logged = 0;
    observer.emit('modbus-tag-accepted', { device, tag: fault.tag });
    tagFault(fault.tag, null);
  }
}
