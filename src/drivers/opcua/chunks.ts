/** What a server takes in one call; 0 on the wire means no limit. Source: OPC 10000-5 §6.3.11. */
export interface OperationLimits {
  readonly perRead: number;
  readonly perMonitoredItems: number;
  readonly perTranslate: number;
}

/** The server's limits held against ours: the smaller, and ours where the server names none. */
export function operationLimits(announced: readonly (number | null)[], ours: number): OperationLimits {
  const limit = (value: number | null | undefined) =>
    value === null || value === undefined || !Number.isFinite(value) || value <= 0 ? ours : Math.min(ours, value);
  return { perRead: limit(announced[0]), perMonitoredItems: limit(announced[1]), perTranslate: limit(announced[2]) };
}

/** Runs of at most `size`, in order; none of them empty. */
export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}

/** Service results by which a server says that a call had too much in it. */
const TOO_MUCH: ReadonlySet<number> = new Set([
  0x80080000, // Bad_EncodingLimitsExceeded
  0x80100000, // Bad_TooManyOperations
  0x80800000, // Bad_TcpMessageTooLarge
  0x80b80000, // Bad_RequestTooLarge
  0x80b90000, // Bad_ResponseTooLarge
]);

/** True for a service result that goes away with a smaller call. */
export function isTooMuch(status: number | null): boolean {
  return status !== null && TOO_MUCH.has(status);
}

/**
 * Call in chunks, and in smaller ones where the server says that a call was too large without having announced a limit.
 * @param call gives one result for each item, in order
 * @param statusOf the service result of a failed call; null when it failed otherwise
 * @returns one result for each item, in order
 */
export async function callInChunks<T, R>(
  items: readonly T[],
  size: number,
  call: (chunk: readonly T[]) => Promise<readonly R[]>,
  statusOf: (error: unknown) => number | null,
): Promise<R[]> {
  const results: R[] = [];
  let current = size;
  for (let at = 0; at < items.length; ) {
    const chunk = items.slice(at, at + current);
    try {
      for (const result of await call(chunk)) results.push(result);
      at += chunk.length;
    } catch (error) {
      if (chunk.length === 1 || !isTooMuch(statusOf(error))) throw error;
      current = Math.ceil(chunk.length / 2);
    }
  }
  return results;
}
