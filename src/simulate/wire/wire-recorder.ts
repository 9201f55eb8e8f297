import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { proposeSegment } from '../../model/asset.ts';
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
}

/** Keeps frames. */
export interface WireRecorder {
  /** The `onFrame` of a DriverContext: never throws, never blocks. */
  take(frame: TappedFrame): void;
  /** Frames kept. */
  readonly frames: number;
  /** Write what is missing and close. @throws FIXTURE_WRITE_FAILED */
  finish(): Promise<{ readonly frames: number; readonly dropped: number; readonly links: readonly string[] }>;
}

/**
 * Record the frames of wires into a folder, a file of lines for each; a recording that is killed is read up to its last whole line.
 * @throws FIXTURE_EXISTS, FIXTURE_WRITE_FAILED
 */
export async function createWireRecorder({ directory, clock, observer }: WireRecorderOptions): Promise<WireRecorder> {
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
    take: (frame) => {
      const file = fileOf(frame);
      if (failure !== null || file.writableLength > MAX_PENDING_BYTES) {
        dropped++;
        observer.emit('wire-recording-dropped', { link: frame.link });
        return;
      }
      frames++;
      file.write(encodeWireFrame({ ...frame, atMs: clock.monotonic() - began }));
    },
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
