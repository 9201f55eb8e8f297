import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `sinks`. */
export const SINKS_ERRORS = {
  SINK_UNREACHABLE: {
    message: 'sink {sink} cannot reach {url}: {reason}',
    meaning: 'The connection to the destination could not be made: no route, refused, name not found, or TLS failed.',
    action: 'Check the address, the network and the destination; the sink tries again by itself and keeps its backlog.',
    retry: 'reconnect',
  },
  SINK_CONNECT_TIMEOUT: {
    message: 'sink {sink}: {url} did not answer within {timeoutMs} ms',
    meaning: 'The destination took the connection but did not complete the handshake in time.',
    action:
      'Check that the destination speaks the configured protocol and is not overloaded; raise connect_timeout_ms on a slow link.',
    retry: 'reconnect',
  },
  SINK_LOGIN_REFUSED: {
    message: 'sink {sink}: {url} refused the login: {reason}',
    meaning: 'The destination rejected user name, password, client id or certificate.',
    action: 'Correct the credentials or the access rules of the destination; the sink tries again by itself.',
    retry: 'backoff',
  },
  SINK_UNUSABLE: {
    message: 'sink {sink} cannot be set up: {reason}',
    meaning: 'The sink failed before its first connection; the others run, and its backlog stays in the journal.',
    action: 'Correct the configuration or the installation, then restart the gateway.',
    retry: 'never',
  },
  SINK_DISCONNECTED: {
    message: 'sink {sink} lost its connection: {reason}',
    meaning: 'The connection ended with sends unconfirmed; they are sent again under the same ids.',
    action: 'Nothing; if it repeats, look at the network and at the log of the destination.',
    retry: 'reconnect',
  },
  SINK_TIMEOUT: {
    message: 'sink {sink}: no confirmation within {timeoutMs} ms',
    meaning:
      'The destination stopped confirming while the connection looked alive (a half-open link or a hung broker).',
    action: 'Check the link and the destination; raise ack_timeout_ms where the link is slow for its batches.',
    retry: 'reconnect',
  },
  SINK_REFUSED: {
    message: 'sink {sink}: the destination refused a message for now: {reason}',
    meaning: 'The destination answered with an error that correcting its rules or quota can lift.',
    action: 'Check publish rights on the topic and the quota; the sink sends again.',
    retry: 'backoff',
  },
  SINK_REJECTED: {
    message: 'sink {sink}: the destination will never take this message: {reason}',
    meaning:
      'A message is too large or malformed for the destination. The batch is split until the event at fault stands alone.',
    action: 'Raise the size limit of the destination, or lower batch.max_bytes and max_message_bytes.',
    retry: 'never',
  },
  SINK_SECRET_UNREADABLE: {
    message: 'sink {sink}: cannot read {secret}: {reason}',
    meaning: 'A password, key or certificate file that the configuration refers to cannot be read.',
    action: 'Create the file or credential and make it readable for the service user.',
    retry: 'backoff',
  },
  SINK_CONFIGURED: {
    message: 'sink {sink} is configured',
    meaning: 'Only what waits for a sink that is no longer in the configuration can be let go.',
    action: 'Take the sink out of gateway.yaml and restart the gateway first.',
    retry: 'never',
  },
  SINK_UNKNOWN: {
    message: 'nothing is kept for a sink {sink}',
    meaning: 'No sink of this name is configured, and none has a place in the journal.',
    action: 'See "headgate sink list".',
    retry: 'never',
  },
  RECEIVER_UNREACHABLE: {
    message: 'cannot receive from {url}: {reason}',
    meaning: 'The broker could not be reached, or refused the login or the subscription.',
    action: 'Check the address, the credentials and the right to subscribe to the topic.',
    retry: 'backoff',
  },
  RECEIVER_STATE_INVALID: {
    message: 'the state of the receiver in {path} cannot be read: {reason}',
    meaning: 'The file that keeps what was received is damaged or something else.',
    action: 'Give another file, or delete this one: then events may come again that came before.',
    retry: 'never',
  },
  RECEIVER_STATE_LOCKED: {
    message: 'the state of the receiver in {path} is in use by process {pid}',
    meaning: 'Another receiver runs with the same file. Two would overwrite the account of each other.',
    action: 'Stop the other one (process {pid}), or give this one a state file and a client id of its own.',
    retry: 'never',
  },
  RECEIVER_STATE_UNWRITABLE: {
    message: 'the state of the receiver cannot be written to {path}: {reason}',
    meaning: 'What was received cannot be written down, so it is not confirmed to the broker, which keeps it.',
    action: 'Give a file in a directory that exists, that this user may write to, and whose disk has room.',
    retry: 'never',
  },
  BATCH_INVALID: {
    message: 'not a Headgate batch: {reason}',
    meaning: 'A received payload is damaged, of another format, or larger than the receiver allows.',
    action: 'Check the topic filter of the receiver and who else publishes there.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
