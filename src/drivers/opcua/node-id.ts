/**
 * Node identifiers and browse paths as people write them, parsed and resolved without any protocol library.
 *
 * Forms: `ns=2;s=Pump.Speed`, `i=2258`, `g=…`, `b=…` (OPC 10000-6 §5.3.1.10), `nsu=http://…;s=…` with the namespace by its URI,
 * Neuron's `2!Pump.Speed`, and browse paths from the Root folder such as `/Objects/2:Pump/2:Speed` (OPC 10000-4 A.2, `/` only, `&`
 * escapes). An array element is `[3]` or `[1,2]` at the end.
 */

/** The four identifier types of OPC 10000-3 §8.2. */
type IdentifierKind = 'i' | 's' | 'g' | 'b';

interface NodeIdText {
  readonly kind: IdentifierKind;
  readonly identifier: string;
}

export interface PathStep {
  readonly namespaceIndex: number;
  readonly name: string;
}

/** Where a tag points, before the server's namespaces are known. */
export type NodeTarget =
  | { readonly form: 'index'; readonly namespaceIndex: number; readonly id: NodeIdText }
  | { readonly form: 'uri'; readonly namespaceUri: string; readonly id: NodeIdText }
  | { readonly form: 'path'; readonly steps: readonly PathStep[] };

export interface NodeAddress {
  readonly target: NodeTarget;
  /** OPC UA NumericRange of one element: `3`, `1,2`; null: the whole value. */
  readonly element: string | null;
  /**
   * A string identifier may itself end in `[3]` (Siemens: `ns=3;s="DB"."speeds"[3]`): then `target` has the whole text and this the
   * other reading, to be tried when the server does not know the first.
   */
  readonly alternative: NodeAddress | null;
}

/** Thrown by parseNodeAddress: what would be right. */
export class NodeAddressError extends Error {
  override readonly name = 'NodeAddressError';
}

const ELEMENT = /^(.+?)\[(\d{1,9}(?:,\d{1,9}){0,7})\]$/s;
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_NAMESPACE = 65_535;
const MAX_NUMERIC = 4_294_967_295;
/** OPC 10000-3 §8.2.4: string identifiers have at most 4,096 characters. */
const MAX_IDENTIFIER = 4_096;

/**
 * Parse an address.
 * @throws NodeAddressError with what would be right
 */
export function parseNodeAddress(text: string): NodeAddress {
  const trimmed = text.trim();
  const element = ELEMENT.exec(trimmed);
  if (element === null) return { target: parseTarget(trimmed), element: null, alternative: null };
  const [, base = '', range = ''] = element;
  const shortened: NodeAddress = { target: parseTarget(base), element: range, alternative: null };
  if (shortened.target.form === 'path' || shortened.target.id.kind !== 's') return shortened;
  return { target: parseTarget(trimmed), element: null, alternative: shortened };
}

function parseTarget(text: string): NodeTarget {
  if (text.startsWith('/')) return { form: 'path', steps: parsePath(text) };
  const neuron = /^(\d{1,5})!(.+)$/s.exec(text);
  if (neuron !== null) {
    const [, namespace = '', identifier = ''] = neuron;
    return {
      form: 'index',
      namespaceIndex: namespaceIndexOf(namespace),
      id: identifierOf(/^\d+$/.test(identifier) ? 'i' : 's', identifier),
    };
  }
  const byUri = /^nsu=([^;]+);([isgb])=(.*)$/s.exec(text);
  if (byUri !== null) {
    const [, uri = '', kind = '', identifier = ''] = byUri;
    return { form: 'uri', namespaceUri: unescapeUri(uri), id: identifierOf(kind as IdentifierKind, identifier) };
  }
  const byIndex = /^(?:ns=(\d{1,5});)?([isgb])=(.*)$/s.exec(text);
  if (byIndex !== null) {
    const [, namespace = '0', kind = '', identifier = ''] = byIndex;
    return {
      form: 'index',
      namespaceIndex: namespaceIndexOf(namespace),
      id: identifierOf(kind as IdentifierKind, identifier),
    };
  }
  throw new NodeAddressError(
    'a NodeId such as ns=2;s=Pump.Speed, i=2258, nsu=http://vendor.com/pump;s=Speed or 2!Pump.Speed, or a browse path such as /Objects/2:Pump/2:Speed',
  );
}

function identifierOf(kind: IdentifierKind, identifier: string): NodeIdText {
  switch (kind) {
    case 'i':
      if (!/^\d{1,10}$/.test(identifier) || Number(identifier) > MAX_NUMERIC) {
        throw new NodeAddressError(`a number from 0 to ${MAX_NUMERIC} after i=, such as i=2258`);
      }
      return { kind, identifier: String(Number(identifier)) };
    case 'g':
      if (!GUID.test(identifier)) {
        throw new NodeAddressError('a GUID after g=, such as g=09087e75-8e5e-499b-954f-f2a9603db28a');
      }
      return { kind, identifier: identifier.toLowerCase() };
    case 'b':
      if (identifier === '' || !BASE64.test(identifier)) {
        throw new NodeAddressError('base64 after b=, such as b=M/RbKBsRVkePCePcx24oRA==');
      }
      return { kind, identifier };
    case 's':
      if (identifier === '' || identifier.length > MAX_IDENTIFIER) {
        throw new NodeAddressError(`1 to ${MAX_IDENTIFIER} characters after s=, such as s=Pump.Speed`);
      }
      return { kind, identifier };
  }
}

function namespaceIndexOf(digits: string): number {
  const index = Number(digits);
  if (index > MAX_NAMESPACE) throw new NodeAddressError(`a namespace index from 0 to ${MAX_NAMESPACE}`);
  return index;
}

/** OPC 10000-6 §5.3.1.11: `;` and `%` of a URI are percent-encoded. */
function unescapeUri(uri: string): string {
  return uri.replace(/%3B/gi, ';').replace(/%25/g, '%');
}

/** Steps from the Root folder; a step without a namespace is of namespace 0. */
function parsePath(text: string): PathStep[] {
  return splitUnescaped(text.slice(1)).map((raw) => {
    const prefix = /^(\d{1,5}):/.exec(raw);
    const name = (prefix === null ? raw : raw.slice(prefix[0].length)).replace(/&(.)/gs, '$1');
    if (name === '') throw new NodeAddressError('a name between the slashes of a browse path: /Objects/2:Pump/2:Speed');
    return { namespaceIndex: prefix === null ? 0 : namespaceIndexOf(prefix[1] ?? '0'), name };
  });
}

function splitUnescaped(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '&') at++;
    else if (text[at] === '/') {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/**
 * The canonical NodeId text for a server's namespaces: `ns=2;s=Pump.Speed`; namespace 0 is written too.
 * @param namespaces the server's NamespaceArray
 * @returns null for a browse path, and for a URI that the server does not have
 */
export function resolveNodeId(target: NodeTarget, namespaces: readonly string[]): string | null {
  if (target.form === 'path') return null;
  const index = target.form === 'index' ? target.namespaceIndex : namespaces.indexOf(target.namespaceUri);
  return index < 0 ? null : `ns=${index};${target.id.kind}=${target.id.identifier}`;
}

/** The address for people, unambiguous; parses to the same address again. */
export function formatNodeAddress({ target, element }: NodeAddress): string {
  const suffix = element === null ? '' : `[${element}]`;
  switch (target.form) {
    case 'path':
      return `/${target.steps.map(formatStep).join('/')}${suffix}`;
    case 'uri':
      return `nsu=${target.namespaceUri.replaceAll('%', '%25').replaceAll(';', '%3B')};${formatId(target.id)}${suffix}`;
    case 'index':
      return `${target.namespaceIndex === 0 ? '' : `ns=${target.namespaceIndex};`}${formatId(target.id)}${suffix}`;
  }
}

function formatId({ kind, identifier }: NodeIdText): string {
  return `${kind}=${identifier}`;
}

function formatStep({ namespaceIndex, name }: PathStep): string {
  const escaped = name.replace(/[&/]/g, '&$&');
  // A name that starts like `2:` would be read as a namespace.
  const isPrefixed = namespaceIndex !== 0 || /^\d{1,5}:/.test(name);
  return isPrefixed ? `${namespaceIndex}:${escaped}` : escaped;
}
