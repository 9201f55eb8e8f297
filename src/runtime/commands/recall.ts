import { decodeEvent } from '../../model/event-codec.ts';
import type { EpochMs, Millis } from '../../model/time.ts';
import type { CommandResult, TagCommand } from '../../ports/command.ts';
import type { Journal } from '../../ports/journal.ts';
import {
  WRITE_COMPLETED_TYPE,
  WRITE_REQUESTED_TYPE,
  type WriteCompleted,
  type WriteRequested,
} from './command-events.ts';
import { commandKey } from './known-commands.ts';

/** A command that was allowed before this process began. */
export interface EarlierCommand {
  readonly command: TagCommand;
  readonly requestId: string;
  readonly requestedAt: EpochMs;
  /** Null: the process ended before it was known what became of it. */
  readonly result: CommandResult | null;
}

const PAGE = { maxEvents: 500, maxBytes: 262_144 };

/**
 * The commands of the journal that were allowed in the last `backMs`, by `commandKey`, the latest of each: what was written before a restart is
 * known after it by the same events that the audit is made of.
 * @param source whose commands
 * @throws what the journal throws
 */
export async function recallCommands(
  journal: Pick<Journal, 'journalId' | 'lastSequence' | 'read'>,
  source: string,
  { now, backMs }: { readonly now: EpochMs; readonly backMs: Millis },
): Promise<Map<string, EarlierCommand>> {
  const found = new Map<string, EarlierCommand>();
  const until = journal.lastSequence;
  const where = { type: 'headgate.write-*', from: now - backMs };
  for (let after = 0; after < until; ) {
    const page = await journal.read({ after, until, lanes: ['critical'], where, ...PAGE });
    for (const stored of page.events) {
      const event = decodeEvent(stored, journal.journalId);
      if (event.source !== source) continue;
      if (event.type === WRITE_REQUESTED_TYPE) {
        const { command: id, tag, actor, reason, value, expires } = event.data as WriteRequested;
        const command = { id, tag, actor, reason, value, expires };
        found.set(commandKey(actor, id), { command, requestId: event.id, requestedAt: event.time, result: null });
      } else if (event.type === WRITE_COMPLETED_TYPE) {
        const { command: id, tag, actor, outcome, problem, before, after: held } = event.data as WriteCompleted;
        const key = commandKey(actor, id);
        const earlier = found.get(key);
        const result = { id, tag, outcome, problem, before, after: held };
        if (earlier?.requestId === event.causationid && earlier !== undefined) found.set(key, { ...earlier, result });
      }
    }
    after = page.through;
  }
  return found;
}
