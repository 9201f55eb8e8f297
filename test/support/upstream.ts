import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./upstream.process.ts', import.meta.url));

/** An upstream MQTT broker in a process of its own. */
export class Upstream {
  readonly #login: readonly string[];
  #process: ChildProcess | null = null;
  /** The same over restarts. */
  port = 0;

  private constructor(login: readonly string[]) {
    this.#login = login;
  }

  /** Start a broker on a free port of 127.0.0.1, open or with one user. */
  static async start(login?: { user: string; password: string }): Promise<Upstream> {
    const upstream = new Upstream(login === undefined ? [] : [login.user, login.password]);
    await upstream.restart();
    return upstream;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const child = fork(PROGRAM, [String(this.port), ...this.#login], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#process = child;
    const [message]: [{ port: number }] = (await once(child, 'message')) as [{ port: number }];
    this.port = message.port;
  }

  /** SIGSTOP: the sockets stay open and nobody answers. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
