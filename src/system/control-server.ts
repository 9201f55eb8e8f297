import { once } from 'node:events';
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { HeadgateError, isHeadgateError, messageOf } from '../errors/headgate-error.ts';
import { toCloudEventJson } from '../model/cloud-event.ts';
import { LANES } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { TagCommand } from '../ports/command.ts';
import type { ControlApi, EventFilter, ReplayRequest, SearchRequest } from '../ports/control.ts';
import { LineTail } from './line-tail.ts';
import { createServer } from './node-http.ts';
import { writeSearch } from './search-stream.ts';

/** The daemon's end of the socket. */
export interface ControlServer {
  /** Stop listening, end all connections, remove the socket. */
  close(): Promise<void>;
}

export interface ControlServerOptions {
  readonly socketPath: string;
  readonly api: ControlApi;
  readonly observer: Observer;
}

const MAX_CONNECTIONS = 32;
const MAX_BODY_BYTES = 262_144;
const MAX_PATH_BYTES = 107;
/** Frames that wait for a slow reader: some MB. */
const MAX_QUEUED_FRAMES = 20_000;
const PROBE_TIMEOUT_MS = 1_000;
/** Owner and group may talk to the daemon, nobody else. */
const SOCKET_MODE = 0o660;

/**
 * Answer the command line: HTTP over a unix socket. Bounded: 32 connections, 256 KiB of request, 10 s to send one; a reader of events
 * that is too slow loses the oldest. A socket that a dead process left behind is replaced.
 * @throws CONTROL_SOCKET_BUSY a living daemon listens there; CONTROL_SOCKET_FAILED
 */
export async function startControlServer({ socketPath, api, observer }: ControlServerOptions): Promise<ControlServer> {
  const failed = (reason: string, cause?: unknown) =>
    new HeadgateError('CONTROL_SOCKET_FAILED', { path: socketPath, reason }, cause);
  if (Buffer.byteLength(socketPath) > MAX_PATH_BYTES) throw failed(`the path has more than ${MAX_PATH_BYTES} bytes`);
  try {
    await mkdir(dirname(socketPath), { recursive: true });
  } catch (cause) {
    throw failed(messageOf(cause), cause);
  }
  await removeStaleSocket(socketPath);
  const server = createServer((request, response) => {
    answer(api, observer, request, response).catch((error) => sendError(response, observer, request, error));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 1_000;
  server.on('drop', () => observer.emit('control-refused'));
  server.on('clientError', (_error, socket) => socket.destroy());
  // Nobody may connect between bind and chmod.
  const umask = process.umask(0o777 & ~SOCKET_MODE);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(umask);
  }
  try {
    await once(server, 'listening');
    await chmod(socketPath, SOCKET_MODE);
  } catch (cause) {
    server.close();
    throw failed(messageOf(cause), cause);
  }
  observer.emit('control-listening', { path: socketPath });
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => null);
  if (stat === null) return;
  if (!stat.isSocket()) {
    throw new HeadgateError('CONTROL_SOCKET_FAILED', { path, reason: 'something that is not a socket lies there' });
  }
  if (await isAlive(path)) throw new HeadgateError('CONTROL_SOCKET_BUSY', { path });
  await unlink(path).catch(() => undefined);
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    // A process that is there but hung accepts in its kernel queue, or lets the probe time out: alive either way.
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

async function answer(
  api: ControlApi,
  observer: Observer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://headgate');
  const query = Object.fromEntries(url.searchParams);
  const route = `${request.method} ${url.pathname}`;
  switch (route) {
    case 'GET /v1/status':
      return send(response, await api.status());
    case 'GET /v1/values':
      return send(response, await api.currentValues(pick(query, ['device', 'tag'])));
    case 'GET /v1/explain': {
      const { tag } = pick(query, ['tag']);
      if (tag === undefined) throw invalid('tag is needed');
      return send(response, await api.explainTag(tag));
    }
    case 'GET /v1/tags':
      return send(response, await api.tags());
    case 'POST /v1/read': {
      const { device, tags } = await body(request);
      if (typeof device !== 'string' || !isTexts(tags)) throw invalid('device and tags are needed');
      return send(response, await api.readTags(device, tags));
    }
    case 'POST /v1/write':
      return send(response, await api.writeTag(commandOf(await body(request))));
    case 'GET /v1/events':
      return tail(api, observer, response, pick(query, ['type', 'asset']));
    case 'POST /v1/frames': {
      const { devices } = await body(request);
      if (!isTexts(devices)) throw invalid('devices are needed');
      return frames(api, observer, response, devices);
    }
    case 'POST /v1/journal/events':
      return writeSearch(response, api.searchEvents(searchRequest(await body(request))));
    case 'POST /v1/replay':
      return replay(api, response, replayRequest(await body(request)));
    case 'GET /v1/journal':
      return send(response, await api.journalStatus());
    case 'GET /v1/journal/ledger':
      return send(response, await api.journalLedger());
    case 'POST /v1/journal/verify':
      return send(response, await api.journalVerify());
    case 'POST /v1/sinks/forget': {
      const { sink, actor } = await body(request);
      if (typeof sink !== 'string' || typeof actor !== 'string') throw invalid('sink and actor are needed');
      return send(response, await api.forgetSink(sink, actor));
    }
    case 'GET /v1/services':
      return send(response, await api.services());
    case 'POST /v1/services/query': {
      const { service, query: name, argument = null } = await body(request);
      if (typeof service !== 'string' || typeof name !== 'string') throw invalid('service and query are needed');
      return send(response, await api.serviceQuery(service, name, argument));
    }
    default:
      throw invalid(`there is no ${route}`);
  }
}

function tail(api: ControlApi, observer: Observer, response: ServerResponse, filter: EventFilter): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  const events = new LineTail(response, (count) => observer.emit('control-tail-dropped', {}, count));
  const unsubscribe = api.tailEvents(filter, (event) => events.push(() => toCloudEventJson(event)));
  response.on('close', unsubscribe);
}

/** One line for each frame, with its time since the recording began. */
function frames(api: ControlApi, observer: Observer, response: ServerResponse, devices: readonly string[]): void {
  const onDropped = (count: number) => observer.emit('control-frames-dropped', {}, count);
  const lines = new LineTail(response, onDropped, MAX_QUEUED_FRAMES);
  const began = performance.now();
  const end = api.recordFrames(devices, ({ link, framing, connection, isRequest, bytes }) => {
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
    const line = JSON.stringify({ link, framing, connection, isRequest, atMs: performance.now() - began, hex });
    lines.push(() => line);
  });
  response.on('close', end);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
}

/** One line for each page; a reader that leaves cancels the replay. */
async function replay(api: ControlApi, response: ServerResponse, request: ReplayRequest): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    for await (const progress of api.replayEvents(request, gone.signal)) {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify(progress)}\n`);
    }
    response.end('{"done":true}\n');
  } catch (error) {
    if (!response.headersSent) throw error;
    const known = isHeadgateError(error) ? error : new HeadgateError('CONTROL_FAILED', { reason: messageOf(error) });
    response.end(`${JSON.stringify({ code: known.code, context: known.context })}\n`);
  }
}

function send(response: ServerResponse, value: unknown, status = 200): void {
  const text = JSON.stringify(value ?? null, (_key, item: unknown) =>
    typeof item === 'bigint' ? item.toString() : item,
  );
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(text);
}

function sendError(response: ServerResponse, observer: Observer, request: IncomingMessage, error: unknown): void {
  if (!isHeadgateError(error))
    observer.emit('control-request-failed', { request: request.url, reason: messageOf(error) });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const known = isHeadgateError(error) ? error : new HeadgateError('CONTROL_FAILED', { reason: messageOf(error) });
  send(response, { code: known.code, context: known.context }, known.code === 'CONTROL_REQUEST_INVALID' ? 400 : 500);
}

async function body(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw invalid(`a body of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw invalid('the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the body is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function commandOf(sent: Readonly<Record<string, unknown>>): TagCommand {
  const { id, tag, value, actor, reason, expires } = sent;
  const texts = [id, tag, actor, reason];
  if (!isTexts(texts) || typeof expires !== 'number') throw invalid('id, tag, actor, reason and expires are needed');
  if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'boolean') {
    throw invalid('value must be a number, a text, true or false');
  }
  const [ownId = '', ownTag = '', ownActor = '', ownReason = ''] = texts;
  return { id: ownId, tag: ownTag, value, actor: `cli:${ownActor}`, reason: ownReason, expires };
}

function invalid(reason: string): HeadgateError {
  return new HeadgateError('CONTROL_REQUEST_INVALID', { reason });
}

function pick<K extends string>(query: Readonly<Record<string, string>>, keys: readonly K[]): { [P in K]?: string } {
  const picked: { [P in K]?: string } = {};
  for (const key of keys) if (query[key] !== undefined) picked[key] = query[key];
  return picked;
}

/** @throws CONTROL_REQUEST_INVALID */
function replayRequest(value: Readonly<Record<string, unknown>>): ReplayRequest {
  const { to, by, eventsPerSecond, isKept } = value;
  if (typeof to !== 'string' || typeof by !== 'string') throw invalid('to and by are needed');
  if (typeof eventsPerSecond !== 'number' || !(eventsPerSecond > 0)) throw invalid('eventsPerSecond is no rate');
  return { ...searchRequest(value), to, by, eventsPerSecond, isKept: isKept === true };
}

/** @throws CONTROL_REQUEST_INVALID */
function searchRequest(value: Readonly<Record<string, unknown>>): SearchRequest {
  const given = typeof value['where'] === 'object' && value['where'] !== null ? value['where'] : {};
  const asked: Readonly<Record<string, unknown>> = { ...given };
  const where: Record<string, string | number> = {};
  for (const key of ['type', 'asset', 'tag'] as const) {
    const text = asked[key];
    if (text === undefined) continue;
    if (typeof text !== 'string') throw invalid(`${key} is no text`);
    where[key] = text;
  }
  for (const key of ['from', 'to'] as const) {
    const time = asked[key];
    if (time === undefined) continue;
    if (typeof time !== 'number' || !Number.isFinite(time)) throw invalid(`${key} is no time`);
    where[key] = time;
  }
  const { lanes } = value;
  if (lanes === undefined) return { where };
  const known = LANES.filter((lane) => Array.isArray(lanes) && lanes.includes(lane));
  if (!Array.isArray(lanes) || known.length !== lanes.length) throw invalid('lanes are no lanes');
  return { where, lanes: known };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
