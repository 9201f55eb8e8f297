import type { IncomingMessage } from 'node:http';
import { ERROR_CATALOGUE, type ErrorCode } from '../errors/catalogue.ts';
import { type ErrorContext, HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Reading } from '../model/reading.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import type { CommandResult, TagCommand } from '../ports/command.ts';
import type {
  CurrentValueRow,
  EventFilter,
  EventSearch,
  ReplayProgress,
  ReplayRequest,
  SearchRequest,
  ServiceRow,
  StatusReport,
  TagExplanation,
} from '../ports/control.ts';
import type { TappedFrame } from '../ports/driver.ts';
import type { JournalStatus, StreamLedger } from '../ports/journal.ts';
import { request as httpRequest } from './node-http.ts';
import { readSearch } from './search-stream.ts';

/** A CloudEvent as JSON. Source: CloudEvents JSON Event Format 1.0.2. */
export interface CloudEventJson {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** RFC 3339. */
  readonly time: string;
  readonly data: unknown;
}

/** A frame on a wire, with its time since the recording began; or how many a slow reader lost before the next. */
type FrameLine =
  | (Omit<TappedFrame, 'bytes'> & { readonly atMs: Millis; readonly hex: string })
  | { readonly dropped: number };

/** A line of a tail: an event, or how many a slow reader lost before the next. */
export type TailLine = CloudEventJson | { readonly dropped: number };

/**
 * The command line's end of the socket; mirrors ControlApi. 64-bit integers beyond ±2^53 come as decimal text.
 * Every method throws CONTROL_NOT_RUNNING, CONTROL_FORBIDDEN, CONTROL_TIMEOUT, or the daemon's own error by its code.
 */
export interface ControlClient {
  readonly socketPath: string;
  status(): Promise<StatusReport>;
  currentValues(filter: { readonly device?: string; readonly tag?: string }): Promise<readonly CurrentValueRow[]>;
  tags(): Promise<readonly TagDefinition[]>;
  explainTag(reference: string): Promise<TagExplanation>;
  readTags(device: string, tags: readonly string[]): Promise<readonly Reading[]>;
  /** `actor` is the bare user name; the daemon files it as `cli:<actor>`. */
  writeTag(command: TagCommand): Promise<CommandResult>;
  /** Ends when the daemon stops, or when `signal` says so. */
  tailEvents(filter: EventFilter, signal: AbortSignal): AsyncIterable<TailLine>;
  /** Frames on the wires of some devices, or of all, as they come. Ends when the daemon stops, or when `signal` says so. */
  recordFrames(devices: readonly string[], signal: AbortSignal): AsyncIterable<FrameLine>;
  /** The stored events that match; nothing more is read than is taken. */
  searchEvents(request: SearchRequest, signal: AbortSignal): Promise<EventSearch>;
  /** Ends with the replay; aborting cancels it. A daemon that fails in the middle ends it with CONTROL_FAILED. */
  replayEvents(request: ReplayRequest, signal: AbortSignal): AsyncIterable<ReplayProgress>;
  journalStatus(): Promise<JournalStatus>;
  journalLedger(): Promise<StreamLedger>;
  journalVerify(): Promise<unknown>;
  forgetSink(name: string, actor: string): Promise<{ readonly events: number }>;
  services(): Promise<readonly ServiceRow[]>;
  serviceQuery(service: string, query: string, argument: unknown): Promise<unknown>;
}

const ANSWER_TIMEOUT_MS = 15_000;
/** A device may need its time-out for each request. */
const READ_TIMEOUT_MS = 120_000;
/** A verification reads every byte of the journal. */
const VERIFY_TIMEOUT_MS = 3_600_000;
const MAX_ANSWER_BYTES = 268_435_456;

/** Talk to the daemon at a socket. Nothing is opened before the first request. */
export function connectControl(socketPath: string): ControlClient {
  const get = async <T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> =>
    (await exchange(socketPath, { method: 'GET', path: path + queryOf(query), timeoutMs: ANSWER_TIMEOUT_MS })) as T;
  const post = async <T>(path: string, body: unknown, timeoutMs: number): Promise<T> =>
    (await exchange(socketPath, { method: 'POST', path, body, timeoutMs })) as T;
  return {
    socketPath,
    status: () => get('/v1/status'),
    currentValues: (filter) => get('/v1/values', { device: filter.device, tag: filter.tag }),
    tags: () => get('/v1/tags'),
    explainTag: (tag) => get('/v1/explain', { tag }),
    readTags: (device, tags) => post('/v1/read', { device, tags }, READ_TIMEOUT_MS),
    writeTag: (command) => post('/v1/write', command, READ_TIMEOUT_MS),
    tailEvents: ({ type, asset }, signal) =>
      streamOf<TailLine>(socketPath, { method: 'GET', path: `/v1/events${queryOf({ type, asset })}` }, signal),
    recordFrames: (devices, signal) =>
      streamOf<FrameLine>(socketPath, { method: 'POST', path: '/v1/frames', body: { devices } }, signal),
    searchEvents: async (request, signal) => {
      const response = await open(socketPath, { method: 'POST', path: '/v1/journal/events', body: request }, signal);
      if (response.statusCode !== 200) resultOf(response, await textOf(response));
      return readSearch(response);
    },
    replayEvents: (request, signal) => replay(socketPath, request, signal),
    journalStatus: () => get('/v1/journal'),
    journalLedger: () => get('/v1/journal/ledger'),
    journalVerify: () => post('/v1/journal/verify', {}, VERIFY_TIMEOUT_MS),
    forgetSink: (sink, actor) => post('/v1/sinks/forget', { sink, actor }, ANSWER_TIMEOUT_MS),
    services: () => get('/v1/services'),
    serviceQuery: (service, query, argument) =>
      post('/v1/services/query', { service, query, argument }, ANSWER_TIMEOUT_MS),
  };
}

interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Time until the answer is complete. */
  readonly timeoutMs: number;
}

async function exchange(socketPath: string, what: Exchange): Promise<unknown> {
  const deadline = AbortSignal.timeout(what.timeoutMs);
  try {
    const response = await open(socketPath, what, deadline);
    const text = await textOf(response);
    return resultOf(response, text);
  } catch (error) {
    if (!deadline.aborted) throw error;
    const { path, timeoutMs } = what;
    throw new HeadgateError('CONTROL_TIMEOUT', { path: socketPath, request: path, timeoutMs }, error);
  }
}

function open(
  socketPath: string,
  { method, path, body }: Omit<Exchange, 'timeoutMs'>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const request = httpRequest({ socketPath, method, path, headers, signal, agent: false }, resolve);
    request.on('error', (cause) => reject(connectionError(socketPath, cause)));
    request.end(text);
  });
}

function connectionError(path: string, cause: NodeJS.ErrnoException): Error {
  if (cause.code === 'EACCES' || cause.code === 'EPERM') return new HeadgateError('CONTROL_FORBIDDEN', { path }, cause);
  if (
    cause.code === 'ENOENT' ||
    cause.code === 'ECONNREFUSED' ||
    cause.code === 'ENOTSOCK' ||
    cause.code === 'ECONNRESET'
  ) {
    return new HeadgateError('CONTROL_NOT_RUNNING', { path }, cause);
  }
  return new HeadgateError('CONTROL_FAILED', { reason: messageOf(cause) }, cause);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new HeadgateError('CONTROL_FAILED', { reason: 'the answer is too large' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function resultOf(response: IncomingMessage, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HeadgateError('CONTROL_FAILED', { reason: 'the answer is not JSON' }, cause);
  }
  if (response.statusCode === 200) return value;
  const refusal = (value ?? {}) as Partial<Refusal>;
  throw errorOf({ code: refusal.code ?? `status ${response.statusCode}`, context: refusal.context ?? {} });
}

/** An error of the daemon, on its way. */
interface Refusal {
  readonly code: string;
  readonly context: ErrorContext;
}

function errorOf({ code, context }: Refusal): HeadgateError {
  return Object.hasOwn(ERROR_CATALOGUE, code)
    ? new HeadgateError(code as ErrorCode, context)
    : new HeadgateError('CONTROL_FAILED', { reason: code });
}

/** What the daemon tells line by line, without an end of its own. */
async function* streamOf<T>(
  socketPath: string,
  what: Omit<Exchange, 'timeoutMs'>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  try {
    const response = await open(socketPath, what, signal);
    if (response.statusCode !== 200) resultOf(response, await textOf(response));
    for await (const line of linesOf(response)) yield JSON.parse(line) as T;
  } catch (error) {
    if (signal.aborted) return;
    // The daemon stopped in the middle of the stream: it has come to its end.
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET' || messageOf(error) === 'aborted') return;
    throw error;
  }
}

async function* replay(
  socketPath: string,
  request: ReplayRequest,
  signal: AbortSignal,
): AsyncGenerator<ReplayProgress> {
  const response = await open(socketPath, { method: 'POST', path: '/v1/replay', body: request }, signal);
  if (response.statusCode !== 200) resultOf(response, await textOf(response));
  try {
    for await (const line of linesOf(response)) {
      const value = JSON.parse(line) as ReplayProgress | { readonly done: true } | Refusal;
      if ('done' in value) return;
      if ('code' in value) throw errorOf(value);
      yield value;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof HeadgateError ? error : connectionError(socketPath, error as NodeJS.ErrnoException);
  }
  if (!signal.aborted) throw new HeadgateError('CONTROL_FAILED', { reason: 'the daemon stopped in the middle of it' });
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}

function queryOf(query: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return set.length === 0 ? '' : `?${new URLSearchParams(set)}`;
}
