import type { InternalEventEntry } from '../../src/observe/internal-event.ts';
import { GENERATED, table } from './markdown.ts';

/** The reference page of all internal events: log line, level, counter. */
export function renderEvents(events: Readonly<Record<string, InternalEventEntry>>): string {
  const rows = Object.entries(events)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { level, message, counter }]) => [
      `\`${name}\``,
      level,
      message,
      counter === undefined ? '' : `\`${counter}\``,
    ]);
  const intro =
    'Each makes one log line with its fields behind it, and raises its counter; a repeated warning is logged once a minute, then counted.';
  return `${GENERATED}\n# Internal events\n\n${intro}\n\n${table(['event', 'level', 'log line', 'counter'], rows)}\n`;
}
