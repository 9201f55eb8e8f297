import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A serial line without hardware: a pseudo terminal whose far side is ours. `script` (util-linux, on every Debian) holds it, since Node
 * cannot open one. The path is a link that stays the same when the line is unplugged and plugged in again, like those of by-id.
 */
export class Pty {
  /** Where the near side is opened as a serial port. */
  readonly path: string;
  /** Called with what the near side sends. */
  onData: (chunk: Buffer) => void = () => {};
  readonly #directory: string;
  #script: ChildProcessWithoutNullStreams | null = null;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'ttyLINE');
  }

  static async open(): Promise<Pty> {
    const pty = new Pty(await mkdtemp(join(tmpdir(), 'headgate-pty-')));
    await pty.plugIn();
    return pty;
  }

  /** Make the line there again. */
  async plugIn(): Promise<void> {
    const script = spawn('script', ['-qfc', 'stty raw -echo; tty; exec sleep 2147483647', '/dev/null']);
    script.stdin.on('error', () => {});
    let text = '';
    while (!text.includes('\n')) text += String((await once(script.stdout, 'data'))[0]);
    await symlink(text.trim(), this.path);
    script.stdout.on('data', (chunk: Buffer) => this.onData(chunk));
    this.#script = script;
  }

  /** Send to the near side. */
  write(bytes: Uint8Array): void {
    this.#script?.stdin.write(bytes);
  }

  /** The adapter is pulled out: the terminal hangs up, its name is gone. */
  async unplug(): Promise<void> {
    const script = this.#script;
    this.#script = null;
    if (script === null) return;
    await rm(this.path, { force: true });
    const exit = once(script, 'exit');
    script.kill('SIGKILL');
    await exit;
  }

  async close(): Promise<void> {
    await this.unplug();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
