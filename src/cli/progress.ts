import type { CliContext } from './cli-context.ts';
import { formatDuration } from './format.ts';

const SILENT_MS = 2_000;
const REDRAW_MS = 500;

/**
 * Run something that may take long: after two seconds, and only on a terminal, one line on stderr says what it is and for how long; it
 * is gone in the end.
 */
export async function withProgress<T>(
  context: CliContext,
  what: string,
  task: (report: (detail: string) => void) => Promise<T>,
): Promise<T> {
  if (!context.isErrTty) return task(() => undefined);
  const start = performance.now();
  let detail = '';
  let isDrawn = false;
  const timer = setInterval(() => {
    const elapsed = performance.now() - start;
    if (elapsed < SILENT_MS) return;
    isDrawn = true;
    const line = `${what}${detail === '' ? '' : `: ${detail}`} (${formatDuration(elapsed)})`;
    context.err(`\r\x1b[2K${line.slice(0, Math.max(1, context.columns - 1))}`);
  }, REDRAW_MS);
  try {
    return await task((text) => {
      detail = text;
    });
  } finally {
    clearInterval(timer);
    if (isDrawn) context.err('\r\x1b[2K');
  }
}
