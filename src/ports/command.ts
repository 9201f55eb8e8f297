import type { TagValue } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';

/** Somebody wants a tag to have a value. */
export interface TagCommand {
  /** Chosen by who sends it; a repeat has the same and is not carried out again. */
  readonly id: string;
  /** `<asset>/<name>`. */
  readonly tag: string;
  /** As people read it, after scaling. */
  readonly value: TagValue;
  /** Who: `mqtt:<user>`, `cli:<user>`. */
  readonly actor: string;
  /** Why, in words for whoever reads the audit. */
  readonly reason: string;
  /** Not carried out after this. */
  readonly expires: EpochMs;
}

/**
 * What became of it. `done`: written, and read back where the tag can be read. `unconfirmed`: sent, but the device did not say that it took
 * it, or has another value now. `refused`: by a rule, nothing was sent. `expired`: its time was over before it could be sent.
 */
export type CommandOutcome = 'done' | 'unconfirmed' | 'refused' | 'expired';

export interface CommandResult {
  readonly id: string;
  readonly tag: string;
  readonly outcome: CommandOutcome;
  /** Why, unless it is done. */
  readonly problem: string | null;
  /** The value before and after, scaled; null where it could not be read. */
  readonly before: TagValue;
  readonly after: TagValue;
}

/** Where commands go. Bounded: what is beyond its queue is refused. */
export interface CommandDesk {
  /**
   * Resolves when the request is in the journal; `result` follows when the device has answered, and never rejects.
   * @throws what the journal threw: nothing was done
   */
  submit(command: TagCommand): Promise<{ readonly result: Promise<CommandResult> }>;
}
