import type { ProcessResources } from '../ports/control.ts';

/** What this process holds of what can leak. */
export function processResources(): ProcessResources {
  const { heapUsed, external } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { heapBytes: heapUsed, externalBytes: external, handles, listeners };
}
