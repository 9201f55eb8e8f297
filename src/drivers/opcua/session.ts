import type {
  CreateMonitoredItemsResponse,
  CreateSubscriptionResponse,
  DataValue,
  PublishResponse,
  ReadRequest,
  ReadResponse,
  ReadValueIdOptions,
  TranslateBrowsePathsToNodeIdsResponse,
} from 'node-opcua-client';
import { Status, type StatusCode, statusName } from '../../model/quality.ts';
import type { Millis } from '../../model/time.ts';
import { callInChunks, type OperationLimits, operationLimits } from './chunks.ts';
import type { Client } from './client.ts';
import { decodeVariant } from './decode.ts';
import { serviceStatusOf } from './failures.ts';
import type { OpcuaLibrary } from './library.ts';
import { type NodeAddress, type PathStep, resolveNodeId } from './node-id.ts';

/** Well-known nodes. Source: OPC 10000-6 Annex A.3 (NodeIds.csv). */
const Node = {
  RootFolder: 'i=84',
  NamespaceArray: 'i=2255',
  CurrentTime: 'i=2258',
  MaxNodesPerRead: 'i=11705',
  MaxMonitoredItemsPerCall: 'i=11714',
  MaxNodesPerTranslate: 'i=11712',
} as const;

const Attribute = { NodeClass: 2, Value: 13 } as const;
const HIERARCHICAL_REFERENCES = 'i=33';

/** One value of the server that a tag stands for. */
export interface ResolvedNode {
  readonly nodeId: string;
  readonly element: string | null;
}

/** Why an address leads nowhere on this server. */
export interface Unresolved {
  readonly status: StatusCode;
  readonly reason: string;
}

export interface MonitoredItem extends ResolvedNode {
  readonly handle: number;
}

export interface SubscriptionParameters {
  readonly publishingMs: Millis;
  readonly keepAliveCount: number;
  readonly lifetimeCount: number;
  readonly maxNotifications: number;
}

/** The services of an open connection that the driver uses, in terms of its own types and cut to what the server takes at once. */
export class Session {
  readonly #client: Client;
  readonly #library: OpcuaLibrary;
  readonly limits: OperationLimits;
  readonly namespaces: readonly string[];

  private constructor(client: Client, library: OpcuaLibrary, limits: OperationLimits, namespaces: readonly string[]) {
    this.#client = client;
    this.#library = library;
    this.limits = limits;
    this.namespaces = namespaces;
  }

  /** Ask for the namespaces, which may differ after each restart of a server, and for what it takes in one call. */
  static async begin(client: Client, library: OpcuaLibrary, maxItemsPerCall: number): Promise<Session> {
    const first = new Session(client, library, operationLimits([], maxItemsPerCall), []);
    const [namespaceArray, ...announced] = await first.#readValues([
      Node.NamespaceArray,
      Node.MaxNodesPerRead,
      Node.MaxMonitoredItemsPerCall,
      Node.MaxNodesPerTranslate,
    ]);
    const uris: unknown = namespaceArray?.value.value;
    const numbers = announced.map((data) => (typeof data.value.value === 'number' ? data.value.value : null));
    const namespaces = Array.isArray(uris) ? uris.map(String) : [];
    return new Session(client, library, operationLimits(numbers, maxItemsPerCall), namespaces);
  }

  /** A request that may be sent again and again. */
  readRequest(nodes: readonly ResolvedNode[], attributeId: number = Attribute.Value): ReadRequest {
    const { ReadRequest, TimestampsToReturn } = this.#library;
    return new ReadRequest({
      maxAge: 0,
      nodesToRead: nodes.map((node) => this.#readValueId(node, attributeId)),
      timestampsToReturn: TimestampsToReturn.Both,
    });
  }

  /** One DataValue for each node of the request, in order. */
  async perform(request: ReadRequest, timeoutMs?: Millis): Promise<readonly DataValue[]> {
    const response = await this.#client.transact<ReadResponse>('read', request, timeoutMs);
    return checkedResults(response.results, request.nodesToRead?.length ?? 0);
  }

  /** Read values now, in as many calls as the server needs. */
  read(nodes: readonly ResolvedNode[], attributeId: number = Attribute.Value): Promise<readonly DataValue[]> {
    return callInChunks(
      nodes,
      this.limits.perRead,
      (chunk) => this.perform(this.readRequest(chunk, attributeId)),
      serviceStatusOf,
    );
  }

  /** The server's clock: any answer proves that it still works. */
  async ping(timeoutMs: Millis): Promise<void> {
    await this.perform(this.readRequest([{ nodeId: Node.CurrentTime, element: null }]), timeoutMs);
  }

  /** Scalars as text, by node; what the server does not have is left out. */
  async readTexts(nodeIds: readonly string[]): Promise<(string | null)[]> {
    const values = await this.#readValues(nodeIds);
    return values.map((data) => {
      if (data.statusCode.value >>> 30 > 1 || data.value === null) return null;
      const value = decodeVariant(data.value, { type: 'string', bit: null, element: null });
      return value === undefined || value === null || value === '' ? null : String(value);
    });
  }

  /** The node behind each address on this server, or why there is none. */
  async resolve(addresses: readonly NodeAddress[]): Promise<(ResolvedNode | Unresolved)[]> {
    const resolved = addresses.map((address): ResolvedNode | Unresolved => this.#resolveDirectly(address));
    await this.#resolvePaths(addresses, resolved);
    await this.#resolveAlternatives(addresses, resolved);
    return resolved;
  }

  async createSubscription(parameters: SubscriptionParameters): Promise<CreateSubscriptionResponse> {
    const { CreateSubscriptionRequest } = this.#library;
    return this.#client.transact<CreateSubscriptionResponse>(
      'create subscription',
      new CreateSubscriptionRequest({
        requestedPublishingInterval: parameters.publishingMs,
        requestedMaxKeepAliveCount: parameters.keepAliveCount,
        requestedLifetimeCount: parameters.lifetimeCount,
        maxNotificationsPerPublish: parameters.maxNotifications,
        publishingEnabled: true,
        priority: 0,
      }),
    );
  }

  /** @returns the status of each item, in order */
  createMonitoredItems(
    subscriptionId: number,
    items: readonly MonitoredItem[],
    sampling: { readonly intervalMs: Millis; readonly queueSize: number },
  ): Promise<StatusCode[]> {
    const { CreateMonitoredItemsRequest, MonitoringMode, TimestampsToReturn } = this.#library;
    const call = async (chunk: readonly MonitoredItem[]): Promise<StatusCode[]> => {
      const request = new CreateMonitoredItemsRequest({
        subscriptionId,
        timestampsToReturn: TimestampsToReturn.Both,
        itemsToCreate: chunk.map((item) => ({
          itemToMonitor: this.#readValueId(item, Attribute.Value),
          monitoringMode: MonitoringMode.Reporting,
          requestedParameters: {
            clientHandle: item.handle,
            samplingInterval: sampling.intervalMs,
            queueSize: sampling.queueSize,
            discardOldest: true,
          },
        })),
      });
      const response = await this.#client.transact<CreateMonitoredItemsResponse>('create monitored items', request);
      return checkedResults(response.results, chunk.length).map((result) => result.statusCode.value >>> 0);
    };
    return callInChunks(items, this.limits.perMonitoredItems, call, serviceStatusOf);
  }

  /** The heartbeat item of a subscription. @returns its status */
  async monitorServerTime(subscriptionId: number, handle: number, intervalMs: Millis): Promise<StatusCode> {
    const item = { nodeId: Node.CurrentTime, element: null, handle };
    const [status] = await this.createMonitoredItems(subscriptionId, [item], { intervalMs, queueSize: 1 });
    return status ?? Status.Bad;
  }

  publish(
    acknowledgements: readonly { subscriptionId: number; sequenceNumber: number }[],
    timeoutMs: Millis,
  ): Promise<PublishResponse> {
    const request = new this.#library.PublishRequest({ subscriptionAcknowledgements: [...acknowledgements] });
    return this.#client.transact<PublishResponse>('publish', request, timeoutMs);
  }

  #readValueId({ nodeId, element }: ResolvedNode, attributeId: number): ReadValueIdOptions {
    const { coerceNodeId, NumericRange } = this.#library;
    return {
      nodeId: coerceNodeId(nodeId),
      attributeId,
      ...(element === null || attributeId !== Attribute.Value ? {} : { indexRange: new NumericRange(element) }),
    };
  }

  #readValues(nodeIds: readonly string[]): Promise<readonly DataValue[]> {
    return this.perform(this.readRequest(nodeIds.map((nodeId) => ({ nodeId, element: null }))));
  }

  #resolveDirectly(address: NodeAddress): ResolvedNode | Unresolved {
    const nodeId = resolveNodeId(address.target, this.namespaces);
    if (nodeId !== null) return { nodeId, element: address.element };
    const reason = address.target.form === 'uri' ? 'Bad_NodeIdUnknown namespace not on this server:' : 'Bad_NoMatch';
    return { status: Status.Bad_NodeIdUnknown, reason };
  }

  async #resolvePaths(addresses: readonly NodeAddress[], resolved: (ResolvedNode | Unresolved)[]): Promise<void> {
    const wanted: { at: number; steps: readonly PathStep[] }[] = [];
    for (const [at, { target }] of addresses.entries()) {
      if (target.form === 'path') wanted.push({ at, steps: target.steps });
    }
    const results = await callInChunks(
      wanted,
      this.limits.perTranslate,
      (chunk) => this.#translate(chunk.map(({ steps }) => steps)),
      serviceStatusOf,
    );
    for (const [index, result] of results.entries()) {
      const at = wanted[index]?.at ?? 0;
      const element = addresses[at]?.element ?? null;
      resolved[at] =
        typeof result === 'string'
          ? { nodeId: result, element }
          : { status: result, reason: `${statusName(result)} no node at` };
    }
  }

  /** @returns for each path the NodeId, or the status that stands for none */
  async #translate(paths: readonly (readonly PathStep[])[]): Promise<(string | StatusCode)[]> {
    const { TranslateBrowsePathsToNodeIdsRequest, coerceNodeId } = this.#library;
    const request = new TranslateBrowsePathsToNodeIdsRequest({
      browsePaths: paths.map((steps) => ({
        startingNode: coerceNodeId(Node.RootFolder),
        relativePath: {
          elements: steps.map(({ namespaceIndex, name }) => ({
            referenceTypeId: coerceNodeId(HIERARCHICAL_REFERENCES),
            isInverse: false,
            includeSubtypes: true,
            targetName: { namespaceIndex, name },
          })),
        },
      })),
    });
    const response = await this.#client.transact<TranslateBrowsePathsToNodeIdsResponse>(
      'translate browse paths',
      request,
    );
    return checkedResults(response.results, paths.length).map((result) => {
      const target = result.targets?.[0];
      if (result.statusCode.value >>> 30 > 1 || target === undefined) {
        return result.statusCode.value >>> 30 > 1 ? result.statusCode.value >>> 0 : BAD_NO_MATCH;
      }
      return target.targetId.toString();
    });
  }

  /** A string identifier that ends in `[3]`: taken as written if the server has such a node, else as an element of an array. */
  async #resolveAlternatives(
    addresses: readonly NodeAddress[],
    resolved: (ResolvedNode | Unresolved)[],
  ): Promise<void> {
    const doubtful: { at: number; literal: ResolvedNode; other: ResolvedNode }[] = [];
    for (const [at, { alternative }] of addresses.entries()) {
      const literal = resolved[at];
      if (alternative === null || literal === undefined || !isResolved(literal)) continue;
      const other = this.#resolveDirectly(alternative);
      if (isResolved(other)) doubtful.push({ at, literal, other });
    }
    if (doubtful.length === 0) return;
    const classes = await this.read(
      doubtful.map(({ literal }) => literal),
      Attribute.NodeClass,
    );
    for (const [index, data] of classes.entries()) {
      const one = doubtful[index];
      if (one !== undefined && data.statusCode.value >>> 30 > 1) resolved[one.at] = one.other;
    }
  }
}

const BAD_NO_MATCH: StatusCode = 0x806f0000;

export function isResolved(node: ResolvedNode | Unresolved): node is ResolvedNode {
  return 'nodeId' in node;
}

/** A server that answers fewer results than it was asked for is not to be trusted with their order. */
function checkedResults<T>(results: readonly T[] | null, wanted: number): readonly T[] {
  if (results?.length !== wanted) throw new Error(`${results?.length ?? 0} results for ${wanted} operations`);
  return results;
}
