import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { proposeSegment } from '../../model/asset.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TappedFrame } from '../../ports/driver.ts';
import { encodeWireFrame, encodeWireHeader, WIRE_SUFFIX } from './wire-lines.ts';

/** Text that waits for the disk, for each wire; beyond it frames are dropped and counted. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

export interface WireRecorderOptions {
  /** Must not exist yet, or be empty. */
  readonly directory: string;
  readonly clock: Clock;
  readonly observer: Observer;
  /** The recording ends by itself when its files have so many bytes. */
  readonly maxBytes: number;
}

/** Keeps frames. */
export interface WireRecorder {
  /** Keep a frame: never throws, never blocks. @param atMs since the recording began; absent: now */
  take(frame: TappedFrame, atMs?: Millis): void;
  /** Frames kept. */
  readonly frames: number;
  /** Aborted once the recording is as large as it may be: nothing is kept any more. */
  readonly full: AbortSignal;
  /** Write what is missing and close. @throws FIXTURE_WRITE_FAILED */
  finish(): Promise<{ readonly frames: number; readonly dropped: number; readonly links: readonly string[] }>;
}

/**
 * Record the frames of wires into a folder, a file of lines for each; a recording that is killed is read up to its last whole line.
 * @throws FIXTURE_EXISTS, FIXTURE_WRITE_FAILED
 */
export async function createWireRecorder(options: WireRecorderOptions): Promise<WireRecorder> {
  const { directory, clock, observer, maxBytes } = options;
  const failed = (cause: unknown) =>
    new HeadgateError('FIXTURE_WRITE_FAILED', { path: directory, problem: messageOf(cause) }, cause);
  const entries = await readdir(directory).catch(() => []);
  if (entries.length > 0) throw new HeadgateError('FIXTURE_EXISTS', { path: directory });
  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw failed(cause);
  });
  const files = new Map<string, WriteStream>();
  const began = clock.monotonic();
  const beganAt = new Date(clock.now()).toISOString();
  let failure: Error | null = null;
  let frames = 0;
  let dropped = 0;
  let bytes = 0;
  const full = new AbortController();
  const fileOf = ({ link, framing }: TappedFrame): WriteStream => {
    const known = files.get(link);
    if (known !== undefined) return known;
    const file = createWriteStream(join(directory, `${proposeSegment(link)}${WIRE_SUFFIX}`), { flags: 'wx' });
    file.on('error', (error) => {
      failure = error;
    });
    file.write(encodeWireHeader({ link, framing, began: beganAt }));
    files.set(link, file);
    return file;
  };
  return {
    take: (frame, atMs = clock.monotonic() - began) => {
      if (full.signal.aborted) return;
      const file = fileOf(frame);
      if (failure !== null || file.writableLength > MAX_PENDING_BYTES) {
        dropped++;
        observer.emit('wire-recording-dropped', { link: frame.link });
        return;
      }
      const line = encodeWireFrame({ ...frame, atMs });
      if (bytes + line.length > maxBytes) return full.abort();
      bytes += line.length;
      frames++;
      file.write(line);
    },
    full: full.signal,
    get frames() {
      return frames;
    },
    finish: async () => {
      await Promise.all(
        [...files.values()].map(async (file) => {
          file.end();
          if (!file.closed) await once(file, 'close');
        }),
      );
      if (failure !== null) throw failed(failure);
      return { frames, dropped, links: [...files.keys()] };
    },
  };
}
