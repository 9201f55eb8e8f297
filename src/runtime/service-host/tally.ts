import { messageOf } from '../../errors/headgate-error.ts';
import type { RunnerStats } from './messages.ts';

/** The figures of a service since its worker started. */
export class Tally {
  handled = 0;
  published = 0;
  #errors = 0;
  #lastError: string | null = null;

  failed(error: unknown): void {
    this.#errors++;
    this.#lastError = messageOf(error);
  }

  stats(): RunnerStats {
    return { handled: this.handled, published: this.published, errors: this.#errors, lastError: this.#lastError };
  }
}
