import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';
import type { CommandDesk } from '../ports/command.ts';
import type { Journal } from '../ports/journal.ts';
import { publishRefusal } from './access.ts';
import { isCommandTopic, readClientCommand } from './client-command.ts';
import { isEventTopic, readClientEvent } from './client-event.ts';
import { type IncomingMessage, messageEvent } from './client-message.ts';
import type { BrokerConfig } from './config.ts';
import { RepeatFilter } from './repeat-filter.ts';
import type { RetainedMessages } from './retained-messages.ts';
import type { Identity } from './sign-in.ts';

/** Client events whose source and id are remembered, so that a repeat after a lost acknowledgement is not a second event. */
const REMEMBERED_EVENTS = 10_000;

export interface PublishGateOptions {
  readonly config: Pick<BrokerConfig, 'on_refused'>;
  readonly journal: Pick<Journal, 'append'>;
  readonly retained: RetainedMessages;
  readonly commands: CommandDesk;
  readonly gateway: { readonly asset: string; readonly source: string };
  readonly clock: Clock;
  readonly observer: Observer;
}

/** A client's publish or will. */
export interface ClientPublish extends IncomingMessage {
  readonly client: string;
  readonly identity: Identity;
  readonly qos: 0 | 1 | 2;
  /** Identifies a QoS 2 publish among the client's unreleased ones; absent for a will. */
  readonly messageId?: number;
  readonly repeats: RepeatFilter;
}

/**
 * Where messages of clients become events: what passes is committed. `route`: the message goes on to its own topic; `swallow`: it
 * does not, since its event is shown on the event's topic, or it is a repeat, or it was dropped and counted.
 */
export class PublishGate {
  readonly #options: PublishGateOptions;
  readonly #events = new RepeatFilter(REMEMBERED_EVENTS);

  constructor(options: PublishGateOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the message may be acknowledged.
   * @throws BROKER_PUBLISH_REFUSED, or what the journal threw: it must not be acknowledged, and so its connection must end
   */
  async accept(publish: ClientPublish): Promise<'route' | 'swallow'> {
    const refusal = publishRefusal(publish.identity.rules, publish.topic);
    if (refusal !== null) return this.#refuse(publish, refusal);
    if (publish.qos < 2 || publish.messageId === undefined) return await this.#acceptOnce(publish);
    let outcome: 'route' | 'swallow' = 'swallow';
    await publish.repeats.once(String(publish.messageId), async () => {
      outcome = await this.#acceptOnce(publish);
    });
    return outcome;
  }

  async #acceptOnce(publish: ClientPublish): Promise<'route' | 'swallow'> {
    const { clock, gateway, retained, observer } = this.#options;
    const { client, topic } = publish;
    if (isCommandTopic(topic)) return await this.#acceptCommand(publish);
    if (isEventTopic(topic)) {
      const event = readClientEvent(topic, publish.payload, clock.now());
      if (typeof event === 'string') return this.#refuse(publish, event);
      const identity = `${publish.identity.user} ${event.identity}`;
      if (this.#events.has(identity)) observer.emit('broker-publish-repeated', { client, topic });
      return await this.#commit(publish, () => this.#events.once(identity, () => this.#append(event.draft)), 'swallow');
    }
    return await this.#commit(
      publish,
      async () => {
        await this.#append(messageEvent(publish, gateway, clock.now()));
        if (publish.retain) await retained.set({ topic, payload: Buffer.from(publish.payload), qos: publish.qos });
      },
      'route',
    );
  }

  /** Acknowledged when the request is in the journal; what became of it is an event. */
  async #acceptCommand(publish: ClientPublish): Promise<'swallow'> {
    const { user } = publish.identity;
    if (user === null) return this.#refuse(publish, 'commands are taken from clients that signed in only');
    if (publish.qos === 0 || publish.messageId === undefined) {
      return this.#refuse(publish, 'a command needs QoS 1 or 2, and must not be a will');
    }
    const command = readClientCommand(publish, user);
    if (typeof command === 'string') return this.#refuse(publish, command);
    await this.#commit(publish, async () => void (await this.#options.commands.submit(command)), 'swallow');
    return 'swallow';
  }

  async #append(draft: Parameters<Journal['append']>[0][number]): Promise<void> {
    await this.#options.journal.append([draft]);
    this.#options.observer.emit('broker-publish-accepted');
  }

  async #commit(publish: ClientPublish, commit: () => Promise<void>, then: 'route' | 'swallow') {
    try {
      await commit();
      return then;
    } catch (error) {
      const { client, topic, qos } = publish;
      this.#options.observer.emit('broker-publish-failed', { client, topic, problem: messageOf(error) });
      if (qos === 0) return 'swallow';
      throw error;
    }
  }

  #refuse(publish: ClientPublish, reason: string): 'swallow' {
    const { client, topic, qos, identity } = publish;
    this.#options.observer.emit('broker-publish-refused', { client, user: identity.user, topic, reason });
    if (qos === 0 || this.#options.config.on_refused === 'drop') return 'swallow';
    throw new HeadgateError('BROKER_PUBLISH_REFUSED', { topic, reason });
  }
}
