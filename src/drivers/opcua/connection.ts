import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { Status } from '../../model/quality.ts';
import type { Reading, ScanGroup } from '../../model/reading.ts';
import type { TagDefinition } from '../../model/tag.ts';
import type { Millis } from '../../model/time.ts';
import type { DriverContext, ReadExplanation } from '../../ports/driver.ts';
import { Client, type ServiceCounters } from './client.ts';
import type { OpcuaSettings } from './config.ts';
import { decodePlanOf } from './decode.ts';
import { explainNode } from './explain.ts';
import { type Intake, readingOf } from './intake.ts';
import type { OpcuaLibrary } from './library.ts';
import { parseNodeAddress } from './node-id.ts';
import { Poller } from './poller.ts';
import { isResolved, type ResolvedNode, Session } from './session.ts';
import { Subscriptions } from './subscriptions.ts';
import type { TagTable } from './tag-table.ts';

export interface ConnectionParts {
  readonly library: OpcuaLibrary;
  readonly settings: OpcuaSettings;
  readonly context: DriverContext;
  readonly counters: ServiceCounters;
}

/** One life of a connection, from connecting to its end: client, session and scans, closed together and never reused. */
export class Connection {
  readonly #parts: ConnectionParts;
  readonly #client: Client;
  #session: Session | null = null;
  #scans: Subscriptions | Poller | null = null;
  #isClosed = false;
  #isDead = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#client = new Client(parts, parts.counters);
  }

  /** Connect and ask the server what must be known; then `read` and `identify` work. After a failure call `close`. */
  async open(): Promise<void> {
    const { library, settings } = this.#parts;
    await this.#client.open();
    this.#session = await Session.begin(this.#client, library, settings.maxItemsPerCall);
  }

  /** Begin the scans. @param onDead called once when the connection has to be rebuilt */
  async scan(table: TagTable, intake: Intake, onDead: (error: HeadgateError) => void): Promise<void> {
    const dead = (error: HeadgateError) => {
      if (this.#isClosed || this.#isDead) return;
      this.#isDead = true;
      onDead(error);
    };
    this.#client.onLost(dead);
    const { library, settings, context } = this.#parts;
    const parts = { library, settings, context, table, intake, session: this.#opened(), onDead: dead };
    this.#scans = settings.mode === 'poll' ? new Poller(parts) : new Subscriptions(parts);
    if (this.#isClosed) return;
    await this.#scans.start();
  }

  scanMs(group: ScanGroup): Millis | null {
    return this.#scans instanceof Poller ? this.#scans.scanMs(group) : null;
  }

  /** One reading for each tag, in order; an address that leads nowhere gives a Bad one. */
  async read(tags: readonly TagDefinition[]): Promise<Reading[]> {
    const session = this.#opened();
    const { clock } = this.#parts.context;
    const nodes = await session.resolve(tags.map((tag) => parseNodeAddress(tag.address)));
    const known: ResolvedNode[] = nodes.filter(isResolved);
    const values = await session.read(known);
    const now = clock.now();
    let next = 0;
    return tags.map((tag, index) => {
      const node = nodes[index];
      if (node === undefined || !isResolved(node)) {
        return { value: null, status: node?.status ?? Status.Bad_NodeIdUnknown, time: now };
      }
      const data = values[next++];
      return data === undefined
        ? { value: null, status: Status.Bad_NoCommunication, time: now }
        : readingOf(data, decodePlanOf(tag, node.element), now);
    });
  }

  /** Read one tag and say how. */
  explain(tag: TagDefinition): Promise<ReadExplanation> {
    const { settings, context } = this.#parts;
    return explainNode(this.#opened(), tag, { clock: context.clock, isPolled: settings.mode === 'poll' });
  }

  /** What the server says of itself, by name; what it does not say is left out. Source: OPC 10000-5 §12.9, §12.4. */
  async identify(): Promise<Record<string, string>> {
    const session = this.#opened();
    const texts = await session.readTexts(Object.values(IDENTITY_NODES));
    const identity: Record<string, string> = {};
    for (const [index, name] of Object.keys(IDENTITY_NODES).entries()) {
      const text = texts[index];
      if (text === null || text === undefined) continue;
      identity[name] = name === 'state' ? (SERVER_STATES[Number(text)] ?? text) : text;
    }
    const [, applicationUri] = session.namespaces;
    if (applicationUri !== undefined) identity['application_uri'] = applicationUri;
    return identity;
  }

  /** End it; at most about 2 s. */
  async close(isGraceful: boolean): Promise<void> {
    this.#isClosed = true;
    this.#scans?.stop();
    await this.#client.close(isGraceful);
  }

  #opened(): Session {
    if (this.#session !== null) return this.#session;
    throw new HeadgateError('OPCUA_LINK_LOST', { endpoint: this.#parts.settings.endpoint, reason: 'not open' });
  }
}

const IDENTITY_NODES = {
  vendor: 'i=2263',
  product: 'i=2261',
  product_uri: 'i=2262',
  version: 'i=2264',
  build: 'i=2265',
  build_date: 'i=2266',
  state: 'i=2259',
  started: 'i=2257',
} as const;

/** Source: OPC 10000-5 §12.6 ServerState. */
const SERVER_STATES = [
  ...['Running', 'Failed', 'NoConfiguration', 'Suspended', 'Shutdown', 'Test', 'CommunicationFault', 'Unknown'],
];

/** The words for why a connection is not there. */
export function whyNot(error: unknown): string {
  return error instanceof HeadgateError ? error.message : messageOf(error);
}
