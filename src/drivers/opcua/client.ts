import type {
  ClientSecureChannelLayer,
  ClientSession,
  EndpointDescription,
  OPCUAClient,
  OPCUAClientOptions,
  UserIdentityInfo,
} from 'node-opcua-client';
import { HeadgateError } from '../../errors/headgate-error.ts';
import { statusName } from '../../model/quality.ts';
import type { Millis } from '../../model/time.ts';
import type { DriverContext } from '../../ports/driver.ts';
import type { OpcuaSettings } from './config.ts';
import { settleWithin, withDeadline } from './deadline.ts';
import { connectError, reasonOf, serviceStatusOf } from './failures.ts';
import type { OpcuaLibrary } from './library.ts';
import { type OwnCertificate, ownCertificate } from './pki.ts';
import { readReferenced, readSecret } from './secret.ts';
import { guardedTransports } from './transport.ts';
import { requireTrusted } from './trust.ts';

/** A request of the protocol library: any service with a header. */
export interface ServiceRequest {
  readonly requestHeader: { timeoutHint: number };
}

/** The part of a session that carries any service; the library's own wrappers add work for each value. */
interface Transactor {
  performMessageTransaction(request: ServiceRequest, callback: (error: Error | null, response?: unknown) => void): void;
}

export interface ClientOptions {
  readonly library: OpcuaLibrary;
  readonly settings: OpcuaSettings;
  readonly context: Pick<DriverContext, 'clock' | 'observer' | 'dataDir'>;
}

/** Counters over the life of a driver, shared by its clients. */
export interface ServiceCounters {
  requests: number;
  failures: number;
  timeouts: number;
}

const SESSION_TIMEOUT_MS = 60_000;
const IDLE_MS = 120_000;
const GOODBYE_MS = 700;
const DISPOSE_MS = 500;

/**
 * One connection from the first TCP packet to the last, used once: when anything is wrong with it, all of it is closed and a new
 * one is made. It never reconnects by itself.
 */
export class Client {
  readonly #options: ClientOptions;
  readonly #counters: ServiceCounters;
  readonly #clients: OPCUAClient[] = [];
  readonly #channels: ClientSecureChannelLayer[] = [];
  #session: ClientSession | null = null;
  #isClosed = false;
  #onLost: (error: HeadgateError) => void = () => undefined;

  constructor(options: ClientOptions, counters: ServiceCounters) {
    this.#options = options;
    this.#counters = counters;
  }

  /** Told once when an open connection breaks; not told of `close`. */
  onLost(listener: (error: HeadgateError) => void): void {
    this.#onLost = listener;
  }

  /**
   * Connect and sign in; each step has the connect deadline. After a failure call `close`.
   * @throws OPCUA_CONNECT_FAILED, OPCUA_TIMEOUT, OPCUA_ENDPOINT_NOT_OFFERED, OPCUA_SERVER_UNTRUSTED, OPCUA_CLIENT_UNTRUSTED,
   *   OPCUA_SIGN_IN_REFUSED, OPCUA_PASSWORD_IN_CLEAR, OPCUA_SECRET_UNREADABLE, OPCUA_PKI_UNUSABLE
   */
  async open(): Promise<void> {
    const { library, settings, context } = this.#options;
    const own = await ownCertificate(library, context.dataDir, context.observer);
    const place = {
      endpoint: settings.endpoint,
      user: settings.user?.name ?? (settings.user === null ? 'anonymous' : 'the user certificate'),
      certificate: own.shownPath,
    };
    try {
      await this.#connect(own);
    } catch (error) {
      throw connectError(error, place);
    }
  }

  async #connect(own: OwnCertificate): Promise<void> {
    const { settings, context } = this.#options;
    const secured = settings.policy === 'None' ? {} : { serverCertificate: await this.#discoverCertificate(own) };
    const client = this.#make(own, settings.policy, settings.securityMode, secured);
    await this.#step('connecting', client.connect(settings.endpoint));
    const offered = await this.#step('asking for endpoints', client.getEndpoints());
    this.#requireOffered(offered);
    const identity = await this.#identity(offered);
    if (settings.policy === 'None') context.observer.emit('opcua-insecure', { endpoint: settings.endpoint });
    this.#session = await this.#step('signing in', client.createSession(identity));
    client.on('close', (error) => this.#lost(error ?? null));
  }

  /** The certificate of the wanted endpoint, asked for on a channel of its own and believed only by the trust rules. */
  async #discoverCertificate(own: OwnCertificate): Promise<Buffer> {
    const { settings, context } = this.#options;
    const client = this.#make(own, 'None', 'None', {});
    await this.#step('asking for endpoints', client.connect(settings.endpoint));
    const offered = await this.#step('asking for endpoints', client.getEndpoints());
    await this.#dispose(client);
    const [wanted] = this.#requireOffered(offered);
    const chain = Buffer.from(wanted?.serverCertificate ?? []);
    await requireTrusted(chain, {
      settings,
      dataDir: context.dataDir,
      observer: context.observer,
      now: context.clock.now(),
    });
    return chain;
  }

  #make(own: OwnCertificate, policy: string, mode: string, more: Partial<OPCUAClientOptions>): OPCUAClient {
    const { library, settings } = this.#options;
    if (this.#isClosed) throw new HeadgateError('OPCUA_STOPPED', { endpoint: settings.endpoint });
    const client = library.OPCUAClient.create({
      applicationName: 'Headgate',
      applicationUri: own.applicationUri,
      clientName: 'headgate',
      certificateKeyPairProvider: {
        getCertificate: () => own.der,
        getCertificateChain: () => [own.der],
        getPrivateKey: () => own.privateKey,
      },
      securityPolicy: policy,
      securityMode: mode,
      // Servers behind another name or address than they announce are the rule in plants.
      endpointMustExist: false,
      keepSessionAlive: true,
      requestedSessionTimeout: SESSION_TIMEOUT_MS,
      connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 200 },
      // Idle time of the socket; silence is noticed by the heartbeat, and a slow poll is not silence.
      transportFactory: guardedTransports(library),
      transportTimeout: IDLE_MS + settings.heartbeatTimeoutMs,
      ...more,
    });
    client.on('secure_channel_created', (channel) => this.#channels.push(channel));
    this.#clients.push(client);
    return client;
  }

  #requireOffered(offered: readonly EndpointDescription[]): EndpointDescription[] {
    const { library, settings } = this.#options;
    const policyUri = library.SecurityPolicy[settings.policy];
    const mode = library.MessageSecurityMode[settings.securityMode];
    const matching = offered.filter((one) => one.securityPolicyUri === policyUri && one.securityMode === mode);
    if (matching.length > 0) return matching;
    const names = offered.map(
      (one) => `${one.securityPolicyUri?.split('#')[1] ?? '?'}/${library.MessageSecurityMode[one.securityMode]}`,
    );
    throw new HeadgateError('OPCUA_ENDPOINT_NOT_OFFERED', {
      endpoint: settings.endpoint,
      wanted: `${settings.policy}/${settings.securityMode}`,
      offered: [...new Set(names)].join(', ') || 'nothing',
    });
  }

  async #identity(offered: readonly EndpointDescription[]): Promise<UserIdentityInfo> {
    const { library, settings } = this.#options;
    const { user } = settings;
    if (user?.name !== undefined && user.password !== undefined) {
      this.#refuseClearPasswords(this.#requireOffered(offered));
      const password = await readSecret(user.password);
      return { type: library.UserTokenType.UserName, userName: user.name, password };
    }
    if (user?.certificate !== undefined && user.private_key !== undefined) {
      const content = await readReferenced(user.certificate);
      const certificateData = content.toString('latin1').includes('-----BEGIN')
        ? library.crypto_utils.convertPEMtoDER(content.toString('latin1'))
        : content;
      return {
        type: library.UserTokenType.Certificate,
        certificateData,
        privateKey: await readSecret(user.private_key),
      };
    }
    return { type: library.UserTokenType.Anonymous };
  }

  /**
   * On a channel that is not encrypted the library would take a user token without encryption of its own, and does when it is the
   * only one: such tokens are taken out of its sight. Source: OPC 10000-4 §7.40.2.
   * @throws OPCUA_PASSWORD_IN_CLEAR nothing is left
   */
  #refuseClearPasswords(endpoints: readonly EndpointDescription[]): void {
    const { library, settings } = this.#options;
    if (settings.securityMode === 'SignAndEncrypt') return;
    const none = library.SecurityPolicy.None;
    for (const endpoint of endpoints) {
      const tokens = endpoint.userIdentityTokens ?? [];
      const isName = (token: (typeof tokens)[number]) => token.tokenType === library.UserTokenType.UserName;
      const safe = tokens.filter(
        (token) => !isName(token) || (token.securityPolicyUri || endpoint.securityPolicyUri) !== none,
      );
      if (tokens.some(isName) && !safe.some(isName)) {
        throw new HeadgateError('OPCUA_PASSWORD_IN_CLEAR', { endpoint: settings.endpoint });
      }
      endpoint.userIdentityTokens = safe;
    }
  }

  /**
   * Perform one service.
   * @throws OPCUA_TIMEOUT, OPCUA_SERVICE_FAILED, OPCUA_LINK_LOST
   */
  async transact<R>(what: string, request: ServiceRequest, timeoutMs?: Millis): Promise<R> {
    const { settings, context } = this.#options;
    const { endpoint } = settings;
    const session = this.#session as unknown as Transactor | null;
    if (session === null || this.#isClosed) throw new HeadgateError('OPCUA_LINK_LOST', { endpoint, reason: 'closed' });
    const limitMs = timeoutMs ?? settings.requestTimeoutMs;
    request.requestHeader.timeoutHint = limitMs;
    this.#counters.requests++;
    const answer = new Promise<R>((resolve, reject) => {
      session.performMessageTransaction(request, (error, response) => {
        if (error !== null) reject(error);
        else resolve(response as R);
      });
    });
    try {
      return await withDeadline(context.clock, limitMs, { what, endpoint }, answer);
    } catch (error) {
      if (this.#isClosed) throw new HeadgateError('OPCUA_LINK_LOST', { endpoint, reason: 'closed' }, error);
      this.#counters.failures++;
      if (error instanceof HeadgateError || /timed out/i.test(String(error))) {
        this.#counters.timeouts++;
        context.observer.emit('opcua-request-timeout', { endpoint, what });
        throw new HeadgateError('OPCUA_TIMEOUT', { what, endpoint, timeoutMs: limitMs }, error);
      }
      const status = serviceStatusOf(error);
      if (status !== null) {
        throw new HeadgateError('OPCUA_SERVICE_FAILED', { what, endpoint, status: statusName(status) }, error);
      }
      throw new HeadgateError('OPCUA_LINK_LOST', { endpoint, reason: reasonOf(error) }, error);
    }
  }

  /**
   * End everything within about 2 s and keep nothing of it; the second call does nothing.
   * @param isGraceful close the session on the server first; never for a server that no longer answers
   */
  async close(isGraceful: boolean): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { clock } = this.#options.context;
    const session = this.#session;
    if (isGraceful && session !== null) await settleWithin(clock, GOODBYE_MS, session.close(true));
    for (const channel of this.#channels) {
      channel.cancelPendingTransactions(() => undefined);
      channel.forceConnectionBreak();
    }
    // With its channel gone the session closes at once, and stops its keep-alive timer.
    if (session !== null) await settleWithin(clock, DISPOSE_MS, session.close(false));
    await Promise.all(this.#clients.map((client) => this.#dispose(client)));
    for (const channel of this.#channels) {
      channel.dispose();
      channel.removeAllListeners();
    }
    this.#session = null;
    this.#channels.length = 0;
  }

  async #dispose(client: OPCUAClient): Promise<void> {
    await settleWithin(this.#options.context.clock, DISPOSE_MS, client.disconnect());
    client.removeAllListeners();
    // An emitter without a listener for it throws on a late 'error'.
    client.on('error' as 'abort', () => undefined);
  }

  #step<T>(what: string, work: Promise<T>): Promise<T> {
    const { settings, context } = this.#options;
    return withDeadline(context.clock, settings.connectTimeoutMs, { what, endpoint: settings.endpoint }, work);
  }

  #lost(error: Error | null): void {
    if (this.#isClosed) return;
    const { endpoint } = this.#options.settings;
    const reason = error === null ? 'closed by the server' : reasonOf(error);
    this.#onLost(new HeadgateError('OPCUA_LINK_LOST', { endpoint, reason }, error ?? undefined));
  }
}
