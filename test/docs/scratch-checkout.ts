import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { until } from '../support/until.ts';

export const REPOSITORY = join(import.meta.dirname, '../..');

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A directory that looks like a checkout to a shell, for commands as a page shows them. */
export class ScratchCheckout {
  readonly directory: string;
  readonly #running: ChildProcess[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<ScratchCheckout> {
    const directory = await mkdtemp(join(tmpdir(), 'headgate-readme-'));
    await mkdir(join(directory, 'scripts'));
    for (const name of await readdir(join(REPOSITORY, 'scripts')))
      await symlink(join(REPOSITORY, 'scripts', name), join(directory, 'scripts', name));
    await symlink(join(REPOSITORY, 'fixtures'), join(directory, 'fixtures'));
    return new ScratchCheckout(directory);
  }

  /** Run a command to its end. */
  run(command: string): Promise<Ran> {
    const { child, output } = this.#start(command);
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...output })));
  }

  /** Start a command that goes on, and wait until it says that it is ready. */
  async startUntil(command: string, ready: RegExp): Promise<Ran> {
    const { child, output } = this.#start(command);
    this.#running.push(child);
    await until(() => ready.test(output.out + output.err) || child.exitCode !== null, {
      what: `${command}: ${ready}`,
      timeoutMs: 40_000,
    });
    return { code: child.exitCode, ...output };
  }

  /**
   * Keep a configuration on this machine: example addresses become addresses where nothing listens, and the broker takes any free
   * port, since others may run here.
   */
  async keepLocal(configuration: string): Promise<void> {
    const path = join(this.directory, configuration);
    for (const name of await readdir(join(path, 'devices'))) {
      const file = join(path, 'devices', name);
      await writeFile(file, (await readFile(file, 'utf8')).replaceAll(/\b192\.168\.0\.\d+/g, '127.0.0.1'));
    }
    const gateway = parse(await readFile(join(path, 'gateway.yaml'), 'utf8'));
    gateway.broker = { ...gateway.broker, listen: { host: '127.0.0.1', port: 0 } };
    await writeFile(join(path, 'gateway.yaml'), stringify(gateway));
  }

  /** End what still runs, and leave nothing. */
  async close(): Promise<void> {
    for (const child of this.#running.toReversed()) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  #start(command: string) {
    const { HEADGATE_CONFIG: _config, ...environment } = process.env;
    const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
      cwd: this.directory,
      // Two dozen starts of one program: compiled once.
      env: { ...environment, NODE_COMPILE_CACHE: join(this.directory, '.compiled') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.err += text;
    });
    return { child, output };
  }
}
