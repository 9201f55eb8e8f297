import { until } from '../../test/support/until.ts';
import type { Daemon } from './daemon.ts';

/** Makes a daemon listen for an inspector, on a free port. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** The inspector of a running daemon: what it holds is known exactly only after its garbage is collected. */
export class Inspector {
  readonly #socket: WebSocket;
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @throws Error the daemon was not started with INSPECTABLE */
  static async connect(daemon: Daemon): Promise<Inspector> {
    const pattern = /Debugger listening on (ws:\/\/\S+)/;
    await until(() => pattern.test(daemon.log), { what: 'the inspector listens' });
    const socket = new WebSocket(pattern.exec(daemon.log)?.[1] ?? '');
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')));
    });
    return new Inspector(socket);
  }

  /** Collect the garbage of the main thread; resolves when it is gone. */
  collectGarbage(): Promise<void> {
    const id = this.#next++;
    return new Promise((resolve) => {
      const onMessage = ({ data }: MessageEvent) => {
        if ((JSON.parse(String(data)) as { id?: number }).id !== id) return;
        this.#socket.removeEventListener('message', onMessage);
        resolve();
      };
      this.#socket.addEventListener('message', onMessage);
      this.#socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    });
  }

  close(): void {
    this.#socket.close();
  }
}
