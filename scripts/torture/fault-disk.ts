import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BUILD = fileURLToPath(new URL('faultfs/build', import.meta.url));
const MOUNT_TIMEOUT_MS = 5_000;

/** A mounted file system whose disk can fail; see faultfs/ and README.md. */
export class FaultDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #work: string;
  readonly #program: ChildProcess;
  /** A torture that is broken off leaves no mount behind. */
  readonly #onExit = () => this.#unmount();

  private constructor(work: string, program: ChildProcess) {
    this.#work = work;
    this.path = join(work, 'disk');
    this.#program = program;
    process.once('exit', this.#onExit);
  }

  /** @throws Error it cannot be compiled or mounted here */
  static async mount(): Promise<FaultDisk> {
    const program = execFileSync(BUILD, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
    const work = mkdtempSync(join(tmpdir(), 'headgate-disk-'));
    const path = join(work, 'disk');
    mkdirSync(path);
    const before = statSync(path).dev;
    const child = spawn(program, [join(work, 'control'), path], { stdio: ['ignore', 'ignore', 'inherit'] });
    const disk = new FaultDisk(work, child);
    const deadline = performance.now() + MOUNT_TIMEOUT_MS;
    while (statSync(path).dev === before) {
      if (child.exitCode !== null || performance.now() > deadline) {
        await disk.close();
        throw new Error('the fault-injecting file system cannot be mounted: is /dev/fuse there?');
      }
      await pause(5);
    }
    return disk;
  }

  /** The power goes: what is not durable survives or not, as `seed` decides, and nothing works until `on`. */
  cut(seed: number): Promise<string> {
    return this.#say(`cut ${seed}`);
  }

  on(): Promise<string> {
    return this.#say('on');
  }

  /** Let `after` operations of a kind pass, then fail `count` of them with EIO; -1: all from then on. */
  fail(kind: 'fsync' | 'fsyncdir' | 'write' | 'read', after: number, count: number): Promise<string> {
    return this.#say(`fail ${kind} ${after} ${count}`);
  }

  /** Nothing fails any more. */
  heal(): Promise<string> {
    return this.#say('heal');
  }

  /** The page cache lets go of what a failed fsync had dropped, page by page as `seed` decides. */
  evict(seed: number): Promise<string> {
    return this.#say(`evict ${seed}`);
  }

  /** The size of the disk; 0: 1 GiB. */
  space(bytes: number): Promise<string> {
    return this.#say(`space ${bytes}`);
  }

  /** Bytes that others have taken. */
  others(bytes: number): Promise<string> {
    return this.#say(`others ${bytes}`);
  }

  /** No writes any more, as after `errors=remount-ro`; or again. */
  readOnly(is: boolean): Promise<string> {
    return this.#say(`readonly ${is ? 1 : 0}`);
  }

  /** Flip bits of files below a path of the file system. */
  rot(seed: number, flips: number, below: string): Promise<string> {
    return this.#say(`rot ${seed} ${flips} ${below}`);
  }

  /** Counts since it was mounted. */
  async figures(): Promise<Readonly<Record<string, number>>> {
    const words = (await this.#say('figures')).split(' ').slice(1);
    return Object.fromEntries(words.map((word) => word.split('=')).map(([name = '', value]) => [name, Number(value)]));
  }

  async close(): Promise<void> {
    if (this.#program.exitCode === null) {
      const ended = once(this.#program, 'exit');
      this.#program.kill('SIGTERM');
      await ended;
    }
    process.off('exit', this.#onExit);
    this.#unmount();
  }

  #unmount(): void {
    try {
      execFileSync('fusermount3', ['-u', '-z', this.path], { stdio: 'ignore' });
    } catch {
      // It unmounts itself when it ends in order.
    }
    rmSync(this.#work, { recursive: true, force: true });
  }

  #say(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(join(this.#work, 'control'));
      socket.once('error', reject);
      createInterface({ input: socket }).once('line', (answer) => {
        socket.destroy();
        if (answer.startsWith('ok')) resolve(answer);
        else reject(new Error(`${line}: ${answer}`));
      });
      socket.write(`${line}\n`);
    });
  }
}
