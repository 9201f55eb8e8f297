import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../headgate', import.meta.url));
/** Where all daemons' logs go as well, to look at a failure. */
const LOG_FILE = process.env['HEADGATE_TORTURE_LOG'];
const LOG_LIMIT = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 5;

/** How a daemon ended. */
export interface DaemonEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DaemonOptions {
  readonly configDirectory: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that runs the daemon, such as `['faketime', '-f', '+0']`. Signals then go to what it executes. */
  readonly through?: readonly string[];
}

/** The real daemon, `scripts/headgate run`, in a process of its own; it dies with this process. */
export class Daemon {
  readonly ended: Promise<DaemonEnd>;
  readonly startedAtMs = performance.now();
  #end: DaemonEnd | null = null;
  #log = '';
  readonly #child: ChildProcess;

  constructor({ configDirectory, environment = {}, through = [] }: DaemonOptions) {
    const [command = LAUNCHER, ...args] = [...through, LAUNCHER, 'run', '--config', configDirectory];
    const child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString('utf8')).slice(-LOG_LIMIT);
      if (LOG_FILE !== undefined) appendFileSync(LOG_FILE, `${child.pid} ${chunk.toString('utf8')}`);
    });
    const onParentExit = () => child.kill('SIGKILL');
    process.once('exit', onParentExit);
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        process.off('exit', onParentExit);
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** null while it runs. */
  get end(): DaemonEnd | null {
    return this.#end;
  }

  /** The end of what it logged. */
  get log(): string {
    return this.#log;
  }

  /** kill -9, and wait until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM; kill -9 if that takes too long. */
  async stop(): Promise<DaemonEnd> {
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const end = await this.ended;
    clearTimeout(late);
    return end;
  }

  /**
   * Wait until it listens.
   * @throws Error it ended, or does not in time; with the end of its log
   */
  async listening(host: string, port: number, timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await accepts(host, port))) {
      if (this.#end !== null) throw new Error(`the daemon ended (${this.#end.code}): ${this.lastLines()}`);
      if (performance.now() > deadline) throw new Error(`the daemon does not listen: ${this.lastLines()}`);
      await pause(POLL_MS);
    }
  }

  lastLines(count = 5): string {
    return this.#log.trim().split('\n').slice(-count).join(' | ');
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const done = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
