import { HeadgateError } from '../../errors/headgate-error.ts';
import { decodeCbor, encodeCbor } from '../../model/event-codec.ts';
import type { ServiceState } from '../../ports/service.ts';
import type { StateStore } from './state-store.ts';

const MAX_VALUE_BYTES = 1_048_576;
const MAX_KEY_LENGTH = 512;

type Writes = Map<string, Uint8Array | null>;

/**
 * A service's view of its store: what the running task wrote, over what the tasks since the last commit wrote, over the database.
 * A task that fails is discarded alone; values are encoded when set, so that later changes to the object do not count.
 */
export class WorkingState implements ServiceState {
  readonly #service: string;
  readonly #store: StateStore;
  #task: Writes = new Map();
  #kept: Writes = new Map();
  #keptBytes = 0;

  constructor(service: string, store: StateStore) {
    this.#service = service;
    this.#store = store;
  }

  get<T>(key: string): T | undefined {
    const written = this.#task.get(key) ?? (this.#task.has(key) ? null : this.#kept.get(key));
    if (written === null) return undefined;
    return (written === undefined ? this.#store.get(key) : decodeCbor(written)) as T | undefined;
  }

  set(key: string, value: unknown): void {
    if (key === '' || key.length > MAX_KEY_LENGTH)
      throw this.#refused(key, `a key has 1 to ${MAX_KEY_LENGTH} characters`);
    const bytes = encodeCbor(value);
    if (bytes.length > MAX_VALUE_BYTES) throw this.#refused(key, `${bytes.length} bytes, at most ${MAX_VALUE_BYTES}`);
    this.#task.set(key, bytes);
  }

  delete(key: string): void {
    this.#task.set(key, null);
  }

  keys(prefix = ''): readonly string[] {
    const all = new Set(this.#store.keys(prefix));
    for (const writes of [this.#kept, this.#task]) {
      for (const [key, value] of writes) {
        if (!key.startsWith(prefix)) continue;
        if (value === null) all.delete(key);
        else all.add(key);
      }
    }
    return [...all].sort();
  }

  /** The task succeeded: its writes go with the next commit. */
  keep(): void {
    if (this.#task.size === 0) return;
    for (const [key, value] of this.#task) {
      this.#kept.set(key, value);
      this.#keptBytes += value?.length ?? 0;
    }
    this.#task.clear();
  }

  /** The task failed: its writes never were. */
  discard(): void {
    this.#task.clear();
  }

  /** Bytes kept since the last commit, counting each write. */
  get pendingBytes(): number {
    return this.#keptBytes;
  }

  /** What is to be committed. */
  get pending(): ReadonlyMap<string, Uint8Array | null> {
    return this.#kept;
  }

  /** The commit returned. */
  committed(): void {
    this.#kept = new Map();
    this.#keptBytes = 0;
  }

  #refused(key: string, reason: string): HeadgateError {
    return new HeadgateError('SERVICE_STATE_REFUSED', { service: this.#service, key: key.slice(0, 80), reason });
  }
}
