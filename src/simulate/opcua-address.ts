/** Where an OPC UA tag stands: a node id, or the browse path that leads to it from the Objects folder. */
export type OpcUaPoint =
  | { readonly kind: 'node'; readonly namespace: number | string; readonly identifier: string }
  | { readonly kind: 'path'; readonly steps: readonly PathStep[] };

interface PathStep {
  readonly namespace: number;
  readonly name: string;
}

/**
 * Read an OPC UA address of the tag table: `ns=2;s=Pump.Speed`, `i=2258`, `nsu=urn:plant:press;i=7`, `2!Pump.Speed`,
 * `/Objects/2:Pump/2:Speed` (`&` escapes). The driver reads the same grammar by its own code, so that the simulated device and
 * the driver check each other. One element of an array (`i=7[3]`) is not served, but a string identifier may end so.
 * @returns null when it is none of these
 * @source OPC 10000-6 §5.3.1.10–11 (node ids as text), OPC 10000-4 A.2 (relative paths)
 */
export function parseOpcUaAddress(text: string): OpcUaPoint | null {
  const trimmed = text.trim();
  if (trimmed.startsWith('/')) return parsePath(trimmed);
  const short = /^(\d{1,5})!(.+)$/s.exec(trimmed);
  if (short !== null) {
    const [, namespace = '0', name = ''] = short;
    return { kind: 'node', namespace: Number(namespace), identifier: /^\d+$/.test(name) ? `i=${name}` : `s=${name}` };
  }
  const node = /^(?:ns=(\d{1,5});|nsu=([^;]+);)?(s=.+|i=\d{1,10}|g=[0-9a-f-]{36}|b=[A-Za-z0-9+/=]+)$/is.exec(trimmed);
  if (node === null) return null;
  const [, index, uri, identifier = ''] = node;
  const namespace = uri === undefined ? Number(index ?? 0) : uri.replace(/%3B/gi, ';').replace(/%25/g, '%');
  return { kind: 'node', namespace, identifier };
}

/** From the Root folder; only what stands below Objects can be served. */
function parsePath(text: string): OpcUaPoint | null {
  const steps: PathStep[] = [];
  for (const [raw] of text.matchAll(/(?:&.|[^/&])+/gs)) {
    const prefix = /^(\d{1,5}):/.exec(raw);
    const name = raw.slice(prefix?.[0].length ?? 0).replace(/&(.)/gs, '$1');
    steps.push({ namespace: Number(prefix?.[1] ?? 0), name });
  }
  const root = steps.shift();
  if (root === undefined || root.namespace !== 0 || root.name !== 'Objects' || steps.length === 0) return null;
  return steps.some((step) => step.name === '' || /\[[\d,]+\]$/.test(step.name)) ? null : { kind: 'path', steps };
}
