import { HeadgateError } from '../errors/headgate-error.ts';
import type { FrameTap, TappedFrame } from '../ports/driver.ts';

/** Recordings at the same time. */
const MAX_TAPS = 4;

interface Recording {
  readonly links: ReadonlySet<string>;
  readonly onFrame: (frame: TappedFrame) => void;
  /** Links of which a request has been heard: an answer without its request says nothing. */
  readonly begun: Set<string>;
}

/** Hands the frames of wires to whoever records at the moment. */
export class FrameTaps implements FrameTap {
  take: FrameTap['take'] = null;
  readonly #recordings = new Set<Recording>();

  /**
   * Hear the frames of some links from now on, from the first request of each; returns the end of it.
   * @throws CONTROL_BUSY as many recordings as may be are under way
   */
  open(links: ReadonlySet<string>, onFrame: (frame: TappedFrame) => void): () => void {
    if (this.#recordings.size >= MAX_TAPS) {
      throw new HeadgateError('CONTROL_BUSY', { running: this.#recordings.size, what: 'recordings of wires' });
    }
    const recording: Recording = { links, onFrame, begun: new Set() };
    this.#recordings.add(recording);
    this.take = (frame) => this.#hand(frame);
    return () => {
      this.#recordings.delete(recording);
      if (this.#recordings.size === 0) this.take = null;
    };
  }

  #hand(frame: TappedFrame): void {
    const { link, isRequest } = frame;
    for (const { links, begun, onFrame } of this.#recordings) {
      if (!links.has(link) || !(isRequest || begun.has(link))) continue;
      begun.add(link);
      onFrame(frame);
    }
  }
}
