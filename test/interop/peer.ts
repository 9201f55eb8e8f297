import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';

/** A server that others wrote, in a process of its own. */
export interface Peer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Start one of the Python servers beside this file. Needs the interpreter that scripts/test-interop prepares. */
export async function startPython(script: string, args: readonly string[] = []): Promise<Peer> {
  const python = process.env['HEADGATE_INTEROP_PYTHON'];
  if (python === undefined)
    throw new Error('run this by: npm run test:interop (it prepares Python, and sets HEADGATE_INTEROP_PYTHON)');
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { port, stop } = await startServer(python, [path, ...args]);
  return { port, stop };
}

/** A server in a process of its own that can be spoken to and stopped in its tracks. */
export interface ServerProcess extends Peer {
  /** A line on its standard input. */
  say(line: string): void;
  signal(name: NodeJS.Signals): void;
}

/**
 * The Milo server beside this file, as scripts/test-interop compiled it.
 * @param before namespaces that come before its own
 * @param keys file that keeps its key and certificate
 */
export function startMilo(port: number, before: number, keys: string): Promise<ServerProcess> {
  const classPath = prepared('HEADGATE_INTEROP_MILO');
  return startServer('java', ['-Xmx128m', '-cp', classPath, 'MiloServer', String(port), String(before), keys]);
}

/** The libmodbus server beside this file, as scripts/test-interop compiled it. */
export function startLibmodbus(args: readonly string[]): Promise<ServerProcess> {
  return startServer(prepared('HEADGATE_INTEROP_LIBMODBUS'), args);
}

function prepared(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`run this by: npm run test:interop (it prepares ${variable})`);
  return value;
}

/** Start a program that prints its port when it is ready. */
async function startServer(program: string, args: readonly string[]): Promise<ServerProcess> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => ['exited'])]);
  const port = Number(line);
  if (!(port > 0)) throw new Error(`${program} ${args.join(' ')}: ${line}`);
  return {
    port,
    say: (text) => child.stdin.write(`${text}\n`),
    signal: (name) => child.kill(name),
    stop: () => stopped(child),
  };
}

/** mosquitto on a port of its own, which it keeps over stop and start. */
export interface Mosquitto extends Peer {
  start(): Promise<void>;
}

/** @param user when given, anonymous clients are refused */
export async function mosquitto(
  directory: string,
  user?: { readonly name: string; readonly password: string },
): Promise<Mosquitto> {
  const port = await freePort();
  const file = join(directory, 'mosquitto.conf');
  const lines = [`listener ${port} 127.0.0.1`, 'persistence false', 'max_inflight_messages 0', 'max_queued_messages 0'];
  if (user === undefined) lines.push('allow_anonymous true');
  else {
    const passwords = join(directory, 'passwords');
    writeFileSync(passwords, '');
    chmodSync(passwords, 0o600);
    await once(spawn('mosquitto_passwd', ['-b', passwords, user.name, user.password], { stdio: 'inherit' }), 'exit');
    lines.push('allow_anonymous false', `password_file ${passwords}`, 'user root');
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  let child: ChildProcess | null = null;
  const start = async () => {
    child = spawn('/usr/sbin/mosquitto', ['-c', file], { stdio: ['ignore', 'ignore', 'ignore'] });
    await until(() => isOpen(port), { what: 'mosquitto listens' });
  };
  await start();
  return {
    port,
    start,
    stop: async () => {
      if (child !== null) await stopped(child);
      child = null;
    },
  };
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await exit;
  clearTimeout(kill);
}

/** A port of this machine where nothing listens now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
