import type { EventDraft } from '../../model/event.ts';
import type { TagDefinition, TagValue } from '../../model/tag.ts';
import type { EpochMs } from '../../model/time.ts';
import type { CommandResult, TagCommand } from '../../ports/command.ts';

/** A write was asked for and is allowed; recorded before anything is sent. */
export const WRITE_REQUESTED_TYPE = 'headgate.write-requested.v1';
/** What became of a command; recorded also for one that was refused. */
export const WRITE_COMPLETED_TYPE = 'headgate.write-completed.v1';

/** Data of `headgate.write-requested.v1`: the audit's who, what and why. */
export interface WriteRequested {
  readonly command: string;
  readonly tag: string;
  readonly device: string;
  readonly address: string;
  readonly actor: string;
  readonly reason: string;
  readonly value: TagValue;
  readonly expires: EpochMs;
}

/** Data of `headgate.write-completed.v1`: the audit's before, after and outcome. */
export interface WriteCompleted {
  readonly command: string;
  readonly tag: string;
  readonly actor: string;
  readonly reason: string;
  readonly value: TagValue;
  readonly outcome: CommandResult['outcome'];
  readonly problem: string | null;
  readonly before: TagValue;
  readonly after: TagValue;
}

/** Whose events these are. */
export interface CommandSource {
  /** `/headgate/<gateway>/commands`. */
  readonly source: string;
  /** Subject of commands that name no tag of this gateway. */
  readonly asset: string;
}

/** The request of an allowed command. */
export function writeRequested(
  origin: CommandSource,
  command: TagCommand,
  tag: TagDefinition,
  now: EpochMs,
): EventDraft<WriteRequested> {
  const { id, actor, reason, value, expires } = command;
  return {
    source: origin.source,
    type: WRITE_REQUESTED_TYPE,
    subject: tag.asset,
    time: now,
    lane: 'critical',
    correlationid: id,
    data: { command: id, tag: command.tag, device: tag.device, address: tag.address, actor, reason, value, expires },
  };
}

/**
 * What became of a command. A refused one is in the lane `normal`: whoever sends nonsense without end must not fill the lane that is
 * never dropped.
 */
export function writeCompleted(
  origin: CommandSource,
  command: TagCommand,
  result: CommandResult,
  context: { readonly tag: TagDefinition | undefined; readonly now: EpochMs; readonly requestId: string | null },
): EventDraft<WriteCompleted> {
  const { id, actor, reason, value } = command;
  const { outcome, problem, before, after } = result;
  return {
    source: origin.source,
    type: WRITE_COMPLETED_TYPE,
    subject: context.tag?.asset ?? origin.asset,
    time: context.now,
    lane: context.requestId === null ? 'normal' : 'critical',
    correlationid: id,
    ...(context.requestId === null ? {} : { causationid: context.requestId }),
    data: { command: id, tag: command.tag, actor, reason, value, outcome, problem, before, after },
  };
}
