import type { FromWorker, ToWorker } from '../../src/journal/messages.ts';
import { openStore } from '../../src/journal/open-store.ts';
import type { Store } from '../../src/journal/store.ts';
import type { StoreNotice } from '../../src/journal/store-notice.ts';
import { WorkerLoop } from '../../src/journal/worker-loop.ts';
import type { StartWorker } from '../../src/journal/worker-thread.ts';
import type { SimDisk } from './sim-disk.ts';
import type { Dice, ProcessClock } from './virtual-time.ts';

const NEW_JOURNAL_ID = 'simulated000';

/** What a simulated journal worker runs on. */
export interface SimWorkerOptions {
  readonly disk: SimDisk;
  readonly clock: ProcessClock;
  readonly dice: Dice;
  /** Called as it happens, before the main thread hears of it. */
  readonly onNotice: (notice: StoreNotice) => void;
  readonly onOpened: (store: Store) => void;
  /** The engine has failed: what it holds of its state means nothing any more. */
  readonly onFailed: () => void;
  /** A longest delay of one message, in ms. */
  readonly delayMs: number;
}

/** The journal worker on virtual time: both directions keep their order, each message takes a while, and so does a turn of the loop. */
export function simWorker(options: SimWorkerOptions): StartWorker {
  const { disk, clock, dice, onNotice, onOpened, onFailed, delayMs } = options;
  return (start, listener) => {
    let busyUntil = 0;
    let isEnded = false;
    let loop: WorkerLoop | null = null;
    const lastArrival = { toWorker: 0, toMain: 0 };
    const arrived: ToWorker[] = [];
    /** What is on the way: two that arrive at one time come in the order in which they were sent, however their delays are rounded. */
    const toMain: FromWorker[] = [];
    const toWorker: ToWorker[] = [];
    const travel = (way: keyof typeof lastArrival, earliest: number): number => {
      const at = Math.max(lastArrival[way], earliest, clock.monotonic() + dice.between(0, delayMs));
      lastArrival[way] = at;
      return at - clock.monotonic();
    };
    const send = (message: FromWorker) => {
      if (!clock.isAlive || isEnded) return;
      if (message.kind === 'failed') onFailed();
      // Told as the engine knows it now; what it alters later must not show.
      const isCopied = message.kind === 'answer' && message.value !== null && typeof message.value === 'object';
      const posted = isCopied && 'payload' in message.value ? message : structuredClone(message);
      toMain.push(posted);
      clock.after(travel('toMain', busyUntil), () => {
        const next = toMain.shift();
        if (!isEnded && next !== undefined) listener.onMessage(next);
      });
    };
    const work = (turn: () => void) => {
      if (isEnded) return;
      busyUntil = clock.monotonic() + dice.between(0, delayMs / 2);
      turn();
    };
    const deliver = () => {
      const waitMs = busyUntil - clock.monotonic();
      // Less than the sum of two times can show is no time.
      if (waitMs > 1e-6) clock.after(waitMs, deliver);
      else {
        const message = arrived.shift();
        if (message !== undefined) work(() => loop?.receive(message));
      }
    };
    const port = {
      send,
      take: () => arrived.shift(),
      soon: (callback: () => void) => {
        clock.after(Math.max(0, busyUntil - clock.monotonic()), () => work(callback));
      },
      close: () => undefined,
    };
    clock.after(dice.between(1, 50), () => {
      loop = WorkerLoop.open(port, start.directory, () => {
        const notify = (notice: StoreNotice) => {
          if (!clock.isAlive) return;
          onNotice(notice);
          send({ kind: 'notice', notice });
        };
        // Few, so that a life of some hundred events comes to their end.
        const minReserve = dice.pick([5, 50, 10_000]);
        const store = openStore({ ...start, newJournalId: NEW_JOURNAL_ID, disk, notify, minReserve });
        onOpened(store);
        return store;
      });
    });
    return {
      postMessage: (message) => {
        toWorker.push(message);
        clock.after(travel('toWorker', 0), () => {
          const next = toWorker.shift();
          if (next !== undefined) arrived.push(next);
          deliver();
        });
      },
      terminate: async () => {
        isEnded = true;
      },
    };
  };
}
