import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { SecretReference } from '../ports/sink.ts';
import type { AccessRules } from './access.ts';
import type { BrokerConfig } from './config.ts';
import { PasswordCheck } from './password.ts';

/** Who a client is and what it may do; `user` null: anonymous. */
export interface Identity {
  readonly user: string | null;
  readonly rules: AccessRules;
}

/** scrypt holds a thread and memory: sign-ins beyond this wait in line. */
const MAX_PARALLEL = 2;

interface KnownUser {
  readonly check: PasswordCheck;
  readonly rules: AccessRules;
}

/** Decides who may connect. */
export class SignIn {
  readonly #users: ReadonlyMap<string, KnownUser>;
  readonly #anonymous: AccessRules | null;
  #running = 0;
  readonly #line: (() => void)[] = [];

  private constructor(users: ReadonlyMap<string, KnownUser>, anonymous: AccessRules | null) {
    this.#users = users;
    this.#anonymous = anonymous;
  }

  /** @throws BROKER_SECRET_UNREADABLE the password of a user cannot be read */
  static async open(
    config: BrokerConfig,
    readSecret: (reference: SecretReference) => Promise<string>,
  ): Promise<SignIn> {
    const users = new Map<string, KnownUser>();
    for (const [user, { password, publish, subscribe }] of Object.entries(config.users)) {
      const isHash = typeof password === 'string';
      const secret = isHash
        ? password
        : await readSecret(password).catch((cause) => {
            throw new HeadgateError('BROKER_SECRET_UNREADABLE', { user, problem: messageOf(cause) }, cause);
          });
      // A file may hold the hash as well.
      users.set(user, {
        check: new PasswordCheck(secret, isHash || secret.startsWith('$scrypt$')),
        rules: { publish, subscribe },
      });
    }
    return new SignIn(users, config.anonymous);
  }

  /** The identity, or null: unknown user, wrong password, or anonymous where nobody may be. */
  async identify(username: string | undefined, password: Uint8Array | undefined): Promise<Identity | null> {
    if (username === undefined) return this.#anonymous === null ? null : { user: null, rules: this.#anonymous };
    const known = this.#users.get(username);
    if (known === undefined || password === undefined) return null;
    if (this.#running >= MAX_PARALLEL) await new Promise<void>((resolve) => this.#line.push(resolve));
    this.#running++;
    try {
      return (await known.check.matches(password)) ? { user: username, rules: known.rules } : null;
    } finally {
      this.#running--;
      this.#line.shift()?.();
    }
  }
}
