import { type ChildProcess, spawn } from 'node:child_process';
import { messageOf } from '../errors/headgate-error.ts';
import type { Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';

/** How the daemon tells systemd how it is. Without systemd every call does nothing. */
export interface SdNotify {
  /** It serves; shown by `systemctl status` with this text. */
  ready(status: string): void;
  status(text: string): void;
  stopping(): void;
  /** The main loop turns; call it from there every `watchdogIntervalMs`. */
  watchdog(): void;
  /** A third of what systemd waits; null: no watchdog is set. */
  readonly watchdogIntervalMs: Millis | null;
}

export interface SdNotifyOptions {
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** One line in, one notification out; the shell is small to fork from, and ends with our end of the pipe. */
const RELAY = 'while IFS= read -r line; do systemd-notify "$line" || echo "$line"; done';
/** What may wait when systemd does not take it: some messages; older state is worth nothing. */
const MAX_WAITING_BYTES = 4_096;
const MAX_STATUS_LENGTH = 200;
const RESTART_AFTER_MS = 1_000;

/**
 * Speaks sd_notify through one long-lived shell that runs systemd-notify, since Node.js has no datagram Unix sockets: fed from
 * the main loop, so that a loop that hangs stops feeding the watchdog. Needs `NotifyAccess=all`.
 * @source sd_notify(3), systemd-notify(1), sd_watchdog_enabled(3)
 */
export function createSdNotify(options: SdNotifyOptions): SdNotify {
  const { environment } = options;
  const relay = environment['NOTIFY_SOCKET'] ? new Relay(options) : null;
  return {
    ready: (text) => {
      relay?.send('READY=1');
      relay?.send(statusLine(text));
    },
    status: (text) => relay?.send(statusLine(text)),
    stopping: () => relay?.send('STOPPING=1'),
    watchdog: () => relay?.send('WATCHDOG=1'),
    watchdogIntervalMs: relay === null ? null : watchdogInterval(environment),
  };
}

function statusLine(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ');
  return `STATUS=${line.slice(0, MAX_STATUS_LENGTH)}`;
}

function watchdogInterval(environment: Readonly<NodeJS.ProcessEnv>): Millis | null {
  const microseconds = Number(environment['WATCHDOG_USEC']);
  const pid = environment['WATCHDOG_PID'];
  if (!(microseconds > 0) || (pid !== undefined && pid !== String(process.pid))) return null;
  return microseconds / 1_000 / 3;
}

class Relay {
  readonly #options: SdNotifyOptions;
  #child: ChildProcess | null = null;
  #startedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SdNotifyOptions) {
    this.#options = options;
  }

  send(line: string): void {
    const stdin = this.#running()?.stdin;
    if (!stdin?.writable || stdin.writableLength > MAX_WAITING_BYTES) {
      this.#options.observer.emit('sd-notify-dropped', { message: line });
      return;
    }
    stdin.write(`${line}\n`);
  }

  #running(): ChildProcess | null {
    const { clock, environment, observer } = this.#options;
    if (this.#child !== null || clock.monotonic() - this.#startedAt < RESTART_AFTER_MS) return this.#child;
    this.#startedAt = clock.monotonic();
    const child = spawn('/bin/sh', ['-c', RELAY], { env: environment, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    const failed = (problem: string) => {
      if (this.#child === child) this.#child = null;
      observer.emit('sd-notify-failed', { problem });
    };
    child.on('error', (error) => failed(messageOf(error)));
    child.on('exit', (code, signal) => failed(`the relay ended with ${signal ?? code}`));
    child.stdin.on('error', (error) => failed(messageOf(error)));
    child.stdout.on('data', () => observer.emit('sd-notify-failed', { problem: 'systemd did not take the message' }));
    // Neither the child nor its pipes keep the daemon from ending.
    child.unref();
    for (const pipe of [child.stdin, child.stdout])
      if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
    return child;
  }
}
