import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Make a directory and those above it that are missing, one after the other. Returns the first that was made, undefined if all were
 * there; throws what the file system says. `mkdir` with `recursive` never returns where a directory exists but takes no children
 * (`/proc/x`): it takes the ENOENT for a missing parent, for ever.
 */
export function makeDirectories(directory: string): string | undefined {
  const missing: string[] = [];
  for (let path = resolve(directory); !existsSync(path); path = dirname(path)) missing.push(path);
  const first = missing.at(-1);
  for (const path of missing.reverse()) {
    try {
      mkdirSync(path);
    } catch (error) {
      // Another thread or process was first.
      if (!existsSync(path)) throw error;
    }
  }
  return first;
}
