import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What the server in the child process shall be. */
export interface ServerOrders {
  readonly port?: number;
  readonly policies?: readonly string[];
  readonly modes?: readonly string[];
  /** Names and passwords; left out: anonymous. */
  readonly users?: Readonly<Record<string, string>>;
  readonly acceptsClients?: boolean;
  /** Name of its certificate folder; another name is another certificate. */
  readonly pki?: string;
  readonly counters?: number;
  readonly everyMs?: number;
  readonly maxMonitoredItemsPerCall?: number;
  readonly maxNodesPerRead?: number;
  readonly namespacesBefore?: readonly string[];
}

/** A running server; `endpoint` stays valid over a restart with the same port. */
export interface TestServer {
  readonly endpoint: string;
  readonly port: number;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Add a variable `ns=2;s=<name>` of value 1. */
  add(name: string): void;
  kill(): Promise<void>;
}

const PROCESS = fileURLToPath(new URL('./server.process.ts', import.meta.url));

export async function startServer(orders: ServerOrders = {}): Promise<TestServer> {
  const child: ChildProcess = fork(PROCESS, [JSON.stringify(orders)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`server exited with ${code}`);
    }),
  ])) as [{ port: number }];
  return {
    endpoint: `opc.tcp://127.0.0.1:${message.port}`,
    port: message.port,
    signal: (name) => child.kill(name),
    add: (name) => child.send({ add: name }),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
