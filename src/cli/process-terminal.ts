import { once } from 'node:events';
import type { Terminal } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';

/** The terminal that this process was started in. */
export function processTerminal(): Terminal {
  const { env: environment, stdout, stderr } = process;
  endWithOutput();
  let stop: AbortSignal | null = null;
  return {
    out: (text) => void stdout.write(text),
    drained: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain');
    },
    err: (text) => void stderr.write(text),
    environment,
    isErrTty: stderr.isTTY === true,
    columns: stderr.columns ?? 80,
    colour: stdout.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb',
    // Made only when a command looks at it: `run` has handlers of its own, and most end by themselves.
    get stop() {
      stop ??= stopSignal();
      return stop;
    },
  };
}

/** Aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.failed.code);
      controller.abort();
    });
  }
  return controller.signal;
}

/** `headgate tag list | head` is no error: the reader has seen enough. A disk that is full is one. */
function endWithOutput(): void {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok.code);
      if (stream === stdout) stderr.write(`error: cannot write to the standard output: ${error.message}\n`);
      process.exit(EXIT.failed.code);
    });
  }
}
