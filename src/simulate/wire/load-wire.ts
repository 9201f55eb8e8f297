import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HeadgateError } from '../../errors/headgate-error.ts';
import { isCapture } from './capture-file.ts';
import { readCapture } from './read-capture.ts';
import type { WireRecording } from './wire-frame.ts';
import { decodeWireLines, WIRE_SUFFIX } from './wire-lines.ts';

/** A capture is held in memory while it is read. */
const MAX_CAPTURE_BYTES = 512 * 1024 * 1024;

/**
 * Recordings of wires: a folder of `*.wire.jsonl`, one such file, or a pcap or pcapng capture.
 * @param serverPorts ports that Modbus servers of a capture listen on; default 502
 * @throws FIXTURE_NOT_FOUND, WIRE_UNREADABLE, WIRE_EMPTY
 */
export async function loadWireRecordings(path: string, serverPorts?: ReadonlySet<number>): Promise<WireRecording[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new HeadgateError('FIXTURE_NOT_FOUND', { path }, cause);
  });
  const recordings = found.isDirectory()
    ? await readFolder(path)
    : (await startsAsCapture(path))
      ? await readCaptureFile(path, found.size, serverPorts)
      : [await readLines(path)];
  if (!recordings.some(({ frames }) => frames.length > 0)) {
    throw new HeadgateError('WIRE_EMPTY', { path, hint: found.isDirectory() ? '' : ' at the server ports' });
  }
  return recordings;
}

async function readFolder(directory: string): Promise<WireRecording[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(WIRE_SUFFIX)).sort();
  return Promise.all(names.map((name) => readLines(join(directory, name))));
}

function readLines(path: string): Promise<WireRecording> {
  return decodeWireLines(createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY }), path);
}

async function readCaptureFile(path: string, bytes: number, ports?: ReadonlySet<number>): Promise<WireRecording[]> {
  if (bytes > MAX_CAPTURE_BYTES) {
    const problem = `a capture of ${Math.round(bytes / 1e6)} MB; up to ${MAX_CAPTURE_BYTES / 1024 / 1024} MB are read`;
    throw new HeadgateError('WIRE_UNREADABLE', { path, place: 'size', problem });
  }
  return readCapture(await readFile(path), path, ports);
}

async function startsAsCapture(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(4);
    const { bytesRead } = await file.read(head, 0, 4, 0);
    return isCapture(head.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
