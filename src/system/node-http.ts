import type * as Http from 'node:http';

/**
 * `node:http` without what nobody here uses. A named import of it reads all its exports, among them `WebSocket`, whose getter loads undici and
 * HTTP/2: 10 MB resident in every process (Node 26).
 */
export const { createServer, request }: Pick<typeof Http, 'createServer' | 'request'> =
  process.getBuiltinModule('node:http');
