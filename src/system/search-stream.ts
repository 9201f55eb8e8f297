import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { ERROR_CATALOGUE, type ErrorCode } from '../errors/catalogue.ts';
import { type ErrorContext, HeadgateError, isHeadgateError, messageOf } from '../errors/headgate-error.ts';
import { decodeCbor, encodeCbor } from '../model/event-codec.ts';
import { EventPageDecoder, EventPageEncoder } from '../model/event-page.ts';
import type { EventSearch } from '../ports/control.ts';

/*
 * The answer to a search, as frames of four bytes of length, big endian, and one CBOR item: a map {journalId, until} first, then pages (event-page.ts),
 * in the end a map: empty, or {code, context} of what went wrong. The daemon packs what is stored as it is; decoding is the reader's work.
 */

const LENGTH_BYTES = 4;
const MAX_FRAME_BYTES = 67_108_864;

/** Send a search as the reader takes it: the next page is read when the last one is on its way. */
export async function writeSearch(response: ServerResponse, search: EventSearch): Promise<void> {
  const { journalId, until, pages } = search;
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  const encoder = new EventPageEncoder();
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const write = async (bytes: Uint8Array) => {
    if (!response.write(frame(bytes)) && !gone.signal.aborted) {
      await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
    }
  };
  try {
    await write(encodeCbor({ journalId, until }));
    for await (const { events, through } of pages) {
      if (gone.signal.aborted) return;
      await write(encoder.encode(events, through));
      if (gone.signal.aborted) return;
    }
    await write(encodeCbor({}));
  } catch (error) {
    const known = isHeadgateError(error) ? error : new HeadgateError('CONTROL_FAILED', { reason: messageOf(error) });
    await write(encodeCbor({ code: known.code, context: known.context }));
  }
  response.end();
}

/**
 * The other end: a search from its frames.
 * @throws CONTROL_FAILED the stream ends early or is none; the daemon's own error
 */
export async function readSearch(chunks: AsyncIterable<Buffer>): Promise<EventSearch> {
  const frames = framesOf(chunks);
  const first = await frames.next();
  const head = first.done === true ? undefined : decodeCbor(first.value);
  if (typeof head !== 'object' || head === null || !('journalId' in head) || !('until' in head)) {
    throw new HeadgateError('CONTROL_FAILED', { reason: 'the answer is no search' });
  }
  const { journalId, until } = head as { journalId: string; until: number };
  return { journalId, until, pages: pagesOf(frames) };
}

async function* pagesOf(frames: AsyncGenerator<Buffer>) {
  const decoder = new EventPageDecoder();
  for await (const bytes of frames) {
    // A page is an array, the last frame a map: CBOR's major types 4 and 5.
    if ((bytes[0] ?? 0) >> 5 === 4) {
      yield decoder.decode(bytes);
      continue;
    }
    const { code, context } = decodeCbor(bytes) as { code?: string; context?: ErrorContext };
    if (code === undefined) return;
    throw Object.hasOwn(ERROR_CATALOGUE, code)
      ? new HeadgateError(code as ErrorCode, context ?? {})
      : new HeadgateError('CONTROL_FAILED', { reason: code });
  }
  throw new HeadgateError('CONTROL_FAILED', { reason: 'the daemon stopped in the middle of the answer' });
}

function frame(bytes: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
  framed.writeUInt32BE(bytes.length);
  framed.set(bytes, LENGTH_BYTES);
  return framed;
}

async function* framesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  let wanted = LENGTH_BYTES;
  let isLength = true;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    while (bytes >= wanted) {
      const all = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held);
      const taken = all.subarray(0, wanted);
      held = [all.subarray(wanted)];
      bytes -= wanted;
      if (isLength) {
        wanted = taken.readUInt32BE();
        if (wanted > MAX_FRAME_BYTES) throw new HeadgateError('CONTROL_FAILED', { reason: 'a frame is too large' });
      } else {
        wanted = LENGTH_BYTES;
        yield taken;
      }
      isLength = !isLength;
    }
  }
}
