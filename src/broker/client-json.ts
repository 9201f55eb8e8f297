/** What clients write, read without trust. */

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** True for a time such as 2026-01-31T13:45:00Z that exists. */
export function isRfc3339(value: unknown): value is string {
  return typeof value === 'string' && RFC3339.test(value) && Number.isFinite(Date.parse(value));
}

/** @returns the object, or why it is none, in words for whoever wrote the client */
export function parseObject(payload: Uint8Array): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(utf8.decode(payload));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    return 'the payload is not a JSON object';
  } catch {
    return 'the payload is not JSON in UTF-8';
  }
}
