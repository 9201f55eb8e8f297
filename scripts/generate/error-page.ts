import type { ErrorEntry } from '../../src/errors/error-entry.ts';
import { GENERATED } from './markdown.ts';

const RETRY: Readonly<Record<ErrorEntry['retry'], string>> = {
  never: 'not tried again by itself',
  backoff: 'tried again by itself, ever less often',
  reconnect: 'tried again by itself after connecting anew',
};

/** The reference page of all error codes: message, meaning, what to do. */
export function renderErrors(catalogue: Readonly<Record<string, ErrorEntry>>): string {
  const sections = Object.entries(catalogue)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { message, meaning, action, retry }]) =>
      [`## ${code}`, '', `> ${message}`, '', meaning, '', `**What to do.** ${action}`, '', `*${RETRY[retry]}*`].join(
        '\n',
      ),
    );
  const intro = 'Every error that Headgate reports carries one of these codes; `{name}` stands for what is filled in.';
  return `${GENERATED}\n# Errors\n\n${intro}\n\n${sections.join('\n\n')}\n`;
}
