import { Status, statusName } from '../../model/quality.ts';
import type { TagDefinition } from '../../model/tag.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ReadExplanation, ReadStep } from '../../ports/driver.ts';
import { type DataValueLike, decodePlanOf, decodeVariant, describeVariant, explainUndecodable } from './decode.ts';
import { readingOf } from './intake.ts';
import { parseNodeAddress } from './node-id.ts';
import { isResolved, type ResolvedNode, type Session, type Unresolved } from './session.ts';

/** An answer longer than this is cut: for people. */
const MAX_SHOWN = 120;

/**
 * Read one tag now, by itself, and show each step from its address to its raw value: the node on this server, what it sent, with which status and
 * times, and what the tag makes of it. Source: OPC 10000-4 §7.11 (DataValue).
 * @throws the connection's error
 */
export async function explainNode(
  session: Session,
  tag: TagDefinition,
  { clock, isPolled }: { readonly clock: Clock; readonly isPolled: boolean },
): Promise<ReadExplanation> {
  const [node] = await session.resolve([parseNodeAddress(tag.address)]);
  const steps: ReadStep[] = [{ what: 'address', shows: describeNode(tag.address, node, session.namespaces) }];
  const tell = (what: string, shows: string) => steps.push({ what, shows });
  if (node === undefined || !isResolved(node)) {
    return { steps, reading: { value: null, status: node?.status ?? Status.Bad_NodeIdUnknown, time: clock.now() } };
  }
  const every = `every ${tag.scanMs} ms`;
  tell('scans', isPolled ? `read ${every}` : `the server is asked to report changes, sampled ${every}`);
  const began = clock.monotonic();
  const [data] = await session.read([node]);
  const tookMs = clock.monotonic() - began;
  const now = clock.now();
  if (data === undefined) return { steps, reading: { value: null, status: Status.Bad_NoCommunication, time: now } };
  tell('request', `read the attribute Value of ${node.nodeId}, both times, from the device and not from a cache`);
  tell('answer', `${describeAnswer(data)} after ${tookMs.toFixed(1)} ms`);
  const status = data.statusCode.value >>> 0;
  tell('status', `${statusName(status)} (0x${status.toString(16).toUpperCase().padStart(8, '0')})`);
  tell('times', describeTimes(data));
  const plan = decodePlanOf(tag, node.element);
  if (data.value !== null && status >>> 30 < 2) {
    const isDecoded = decodeVariant(data.value, plan) !== undefined;
    const part = `${plan.element === null ? '' : ` element [${plan.element}]`}${plan.bit === null ? '' : ` bit ${plan.bit}`}`;
    const wanted = plan.type === 'auto' ? 'as the server has it' : `as ${plan.type}`;
    tell(
      'decoding',
      isDecoded ? `${wanted}${part === '' ? '' : `,${part}`}` : explainUndecodable(data.value, plan).reason,
    );
  }
  return { steps, reading: readingOf(data, plan, now) };
}

function describeNode(
  address: string,
  node: ResolvedNode | Unresolved | undefined,
  namespaces: readonly string[],
): string {
  if (node === undefined) return `${address} leads nowhere`;
  if (!isResolved(node)) return `${node.reason} ${address}`;
  const index = Number(/^ns=(\d+);/.exec(node.nodeId)?.[1] ?? 0);
  const uri = namespaces[index];
  const namespace = uri === undefined ? `namespace ${index}, which the server does not name` : `namespace ${uri}`;
  return `${address} is ${node.nodeId}${node.element === null ? '' : `[${node.element}]`}, ${namespace}`;
}

function describeAnswer({ value }: DataValueLike): string {
  if (value === null) return 'no value';
  const text = String(value.value);
  return `${describeVariant(value)} ${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}`;
}

function describeTimes({ sourceTimestamp, serverTimestamp }: DataValueLike): string {
  const show = (time: Date | null) => (time === null || !(time.getTime() > 0) ? 'none' : time.toISOString());
  const taken =
    show(sourceTimestamp) !== 'none'
      ? 'that of the source'
      : show(serverTimestamp) !== 'none'
        ? 'that of the server'
        : 'that of its arrival';
  return `source ${show(sourceTimestamp)}, server ${show(serverTimestamp)}: ${taken} is taken`;
}
