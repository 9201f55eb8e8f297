import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { isGood, Status, type StatusCode, statusName } from '../../model/quality.ts';
import type { TagDefinition, TagValue } from '../../model/tag.ts';
import type { TagSequence } from '../../model/tag-columns.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import { scaleValue, scalingOf } from '../../pipeline/scaling.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommandDesk, CommandOutcome, CommandResult, TagCommand } from '../../ports/command.ts';
import type { Journal } from '../../ports/journal.ts';
import type { DeviceSupervisor } from '../device-supervisor.ts';
import { type CommandSource, writeCompleted, writeRequested } from './command-events.ts';
import type { CommandsConfig } from './config.ts';
import { type Allowed, decide, interlockRefusal } from './decide.ts';
import { commandKey, KnownCommands } from './known-commands.ts';
import { recallCommands } from './recall.ts';

/** Commands that are being carried out or wait for their device. */
const MAX_OPEN = 64;
/** `max_ttl_ms` where the configuration is silent. */
const MAX_TTL_MS = 60_000;

/** The devices, as commands use them. */
type CommandTargets = Pick<DeviceSupervisor, 'readNow' | 'writeNow'>;

export interface CommandRunnerOptions {
  readonly config: CommandsConfig;
  readonly tags: TagSequence;
  readonly targets: CommandTargets;
  readonly journal: Pick<Journal, 'append' | 'read' | 'journalId' | 'lastSequence'>;
  readonly origin: CommandSource;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Verdicts that say that nothing was sent. */
const UNSENT: ReadonlySet<StatusCode> = new Set([Status.Bad_NotConnected, Status.Bad_NotSupported, Status.Bad_Timeout]);

/** What became of a write that was under way when the process ended. */
const CUT_SHORT: Omit<CommandResult, 'id' | 'tag'> = {
  outcome: 'unconfirmed',
  problem: 'the gateway ended before it was known whether the device was written',
  before: null,
  after: null,
};

/** What was found out on the way. */
interface Progress {
  readonly command: TagCommand;
  readonly tag: TagDefinition | undefined;
  readonly requestId: string | null;
}

/**
 * Carries commands out: rules, journal, interlock, write, read back, journal. Commands for one device go one after the other; every
 * command ends with one result event.
 */
export class CommandRunner implements CommandDesk {
  readonly #options: CommandRunnerOptions;
  readonly #writtenAt = new Map<string, Millis>();
  readonly #known = new KnownCommands<Promise<{ readonly result: Promise<CommandResult> }>>();
  /** Results of before this process began, by key. */
  #earlier: Promise<ReadonlyMap<string, CommandResult>> | null = null;
  readonly #queues = new Map<string, Promise<unknown>>();
  #open = 0;

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  submit(command: TagCommand): Promise<{ readonly result: Promise<CommandResult> }> {
    const key = commandKey(command.actor, command.id);
    const { observer, clock, config } = this.#options;
    const known = this.#known.get(key);
    if (known !== undefined) {
      observer.emit('command-repeated', { tag: command.tag, actor: command.actor });
      return known;
    }
    const now = clock.now();
    if (this.#open >= MAX_OPEN || this.#known.isFull(now)) {
      observer.emit('command-overload', { tag: command.tag, actor: command.actor });
      return Promise.reject(new HeadgateError('COMMAND_OVERLOADED', { open: this.#open }));
    }
    this.#open++;
    const submitted = this.#take(command);
    this.#known.remember(key, Math.min(command.expires, now + (config.max_ttl_ms ?? MAX_TTL_MS)), submitted);
    submitted
      .then(({ result }) => result)
      .then(
        ({ outcome }) => {
          if (outcome === 'refused' || outcome === 'expired') this.#known.mayForget(key);
        },
        () => this.#known.forget(key),
      )
      .finally(() => {
        this.#open--;
      });
    return submitted;
  }

  /**
   * Learn from the journal what was written before this process began, and record what became of a write that a crash cut short: that nobody
   * knows. Done once; begun before the first command, so that it need not wait.
   * @throws what the journal throws; the next command tries again
   */
  async recall(): Promise<ReadonlyMap<string, CommandResult>> {
    this.#earlier ??= this.#recalled();
    try {
      return await this.#earlier;
    } catch (error) {
      this.#earlier = null;
      throw error;
    }
  }

  async #recalled(): Promise<ReadonlyMap<string, CommandResult>> {
    const { config, clock, origin, journal } = this.#options;
    const intervals = (config.rules ?? []).map((rule) => rule.min_interval_ms ?? 0);
    const backMs = Math.max(config.max_ttl_ms ?? MAX_TTL_MS, ...intervals);
    const earlier = await recallCommands(journal, origin.source, { now: clock.now(), backMs });
    const results = new Map<string, CommandResult>();
    for (const [key, { command, requestId, requestedAt, result }] of earlier) {
      const ageMs = Math.max(0, clock.now() - requestedAt);
      this.#writtenAt.set(command.tag, clock.monotonic() - ageMs);
      const progress = { command, tag: this.#tagOf(command.tag), requestId };
      results.set(key, result ?? (await this.#completed(progress, CUT_SHORT)));
    }
    return results;
  }

  async #take(command: TagCommand): Promise<{ readonly result: Promise<CommandResult> }> {
    const { config, clock, origin, journal, observer } = this.#options;
    const earlier = (await this.recall()).get(commandKey(command.actor, command.id));
    if (earlier !== undefined) {
      observer.emit('command-repeated', { tag: command.tag, actor: command.actor });
      return { result: Promise.resolve(earlier) };
    }
    const tag = this.#tagOf(command.tag);
    const last = this.#writtenAt.get(command.tag);
    const sinceLastMs = last === undefined ? null : clock.monotonic() - last;
    const now = clock.now();
    const verdict = command.expires <= now ? 'expired' : decide(command, tag, { config, now, sinceLastMs });
    if (typeof verdict === 'string' || tag === undefined) {
      const outcome: CommandOutcome = verdict === 'expired' ? 'expired' : 'refused';
      const problem = verdict === 'expired' ? `its time was over ${now - command.expires} ms ago` : String(verdict);
      const progress = { command, tag, requestId: null };
      return { result: Promise.resolve(await this.#refused(progress, { outcome, problem })) };
    }
    this.#writtenAt.set(command.tag, clock.monotonic());
    const [request] = await journal.append([writeRequested(origin, command, tag, now)]);
    const progress = { command, tag, requestId: request?.id ?? null };
    const until = clock.monotonic() + (command.expires - now);
    const result = this.#inTurn(tag.device, () => this.#carryOut(progress, tag, verdict, until));
    return { result };
  }

  /** One after the other for each device, whatever became of those before. */
  #inTurn<T>(device: string, act: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(device) ?? Promise.resolve();
    const turn = before.then(act);
    const settled = turn.catch(() => undefined);
    this.#queues.set(device, settled);
    void settled.then(() => {
      if (this.#queues.get(device) === settled) this.#queues.delete(device);
    });
    return turn;
  }

  async #carryOut(progress: Progress, tag: TagDefinition, { rule, raw }: Allowed, until: Millis) {
    const { clock, targets } = this.#options;
    let before: TagValue = null;
    let isSent = false;
    const finish = (outcome: CommandOutcome, problem: string | null, after: TagValue = null) =>
      this.#completed(progress, { outcome, problem, before, after });
    try {
      if (rule.interlock !== undefined) {
        const { value, status } = await this.#read(rule.interlock.tag);
        const refusal = interlockRefusal(rule.interlock, value, isGood(status));
        if (refusal !== null) return await finish('refused', refusal);
      }
      if (tag.access === 'rw') before = (await this.#read(progress.command.tag)).value;
      if (clock.monotonic() >= until)
        return await finish('expired', 'its time was over before the device could be written');
      isSent = true;
      const [status = Status.Bad_NoCommunication] = await targets.writeNow(tag.device, [{ tag, value: raw }], {
        deadline: until,
      });
      if (UNSENT.has(status)) {
        return await finish(
          status === Status.Bad_Timeout ? 'expired' : 'refused',
          `${tag.device} was not written: ${statusName(status)}`,
        );
      }
      if (!isGood(status)) return await finish('unconfirmed', `the device answered ${statusName(status)}`);
      if (tag.access === 'w') return await finish('done', null);
      const { value, status: readStatus } = await this.#read(progress.command.tag);
      if (!isGood(readStatus)) return await finish('unconfirmed', `reading it back gave ${statusName(readStatus)}`);
      const { value: wanted } = scaleValue(scalingOf(tag), asHeld(tag, raw), readStatus);
      if (value !== wanted) {
        return await finish('unconfirmed', `the device holds ${String(value)} and not ${String(wanted)}`, value);
      }
      return await finish('done', null, value);
    } catch (error) {
      return await finish(isSent ? 'unconfirmed' : 'refused', messageOf(error));
    }
  }

  /** Searched for, since commands are few: an index of all tags would be kept for years to spare 0.3 µs a tag now and then. */
  #tagOf(path: string): TagDefinition | undefined {
    const cut = path.lastIndexOf('/');
    const asset = path.slice(0, cut);
    const name = path.slice(cut + 1);
    return this.#options.tags.values().find((tag) => tag.name === name && tag.asset === asset);
  }

  /** The value of a tag now, scaled. */
  async #read(name: string): Promise<{ readonly value: TagValue; readonly status: StatusCode }> {
    const tag = this.#tagOf(name);
    if (tag === undefined) throw new HeadgateError('COMMAND_TAG_UNKNOWN', { tag: name });
    const [reading] = await this.#options.targets.readNow(tag.device, [tag]);
    if (reading === undefined) throw new HeadgateError('COMMAND_TAG_UNKNOWN', { tag: name });
    return scaleValue(scalingOf(tag), reading.value, reading.status);
  }

  #refused(progress: Progress, end: Pick<CommandResult, 'outcome' | 'problem'>): Promise<CommandResult> {
    const { tag, actor } = progress.command;
    this.#options.observer.emit('command-refused', { tag, actor, reason: end.problem });
    return this.#record(progress, { ...end, before: null, after: null });
  }

  #completed(progress: Progress, end: Omit<CommandResult, 'id' | 'tag'>): Promise<CommandResult> {
    const { tag, actor } = progress.command;
    const name = end.outcome === 'done' ? 'command-done' : 'command-not-done';
    this.#options.observer.emit(name, { tag, actor, outcome: end.outcome, reason: end.problem });
    return this.#record(progress, end);
  }

  async #record(progress: Progress, end: Omit<CommandResult, 'id' | 'tag'>): Promise<CommandResult> {
    const { journal, origin, clock, observer } = this.#options;
    const { command } = progress;
    const result = { id: command.id, tag: command.tag, ...end };
    const draft = writeCompleted(origin, command, result, { ...progress, now: clock.now() });
    try {
      await journal.append([draft]);
    } catch (error) {
      // What was written is written: the request is in the journal, the result in the log alone.
      observer.emit('command-unrecorded', { tag: command.tag, outcome: end.outcome, reason: messageOf(error) });
    }
    return result;
  }
}

/** A raw value as it is read back: a float of 16 or 32 bits has lost digits, a whole number of 64 is a plain one where that is exact. */
function asHeld(tag: TagDefinition, raw: TagValue): TagValue {
  if (typeof raw === 'bigint') return Number.isSafeInteger(Number(raw)) ? Number(raw) : raw;
  if (typeof raw !== 'number') return raw;
  return tag.type === 'float32' ? Math.fround(raw) : tag.type === 'float16' ? Math.f16round(raw) : raw;
}
