import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `broker`. */
export const BROKER_ERRORS = {
  BROKER_LISTEN_FAILED: {
    message: 'The broker cannot listen on {host}:{port}: {problem}.',
    meaning: 'Another program has the port, the address is not one of this machine, or the port needs a privilege.',
    action: 'Find the other program with `ss -ltnp`, or change broker.listen in gateway.yaml.',
    retry: 'never',
  },
  BROKER_TLS_FAILED: {
    message: 'The broker cannot use the certificate {cert}: {problem}.',
    meaning: 'Certificate, key or client authority cannot be read or do not belong together.',
    action:
      'Check broker.listen.tls in gateway.yaml: PEM files that the user headgate may read, key and certificate of one pair.',
    retry: 'never',
  },
  BROKER_SECRET_UNREADABLE: {
    message: 'The password of broker user {user} cannot be read: {problem}.',
    meaning: 'The file or systemd credential that broker.users names is missing or unsafe.',
    action: 'Create it, owned by the user headgate and readable by nobody else.',
    retry: 'never',
  },
  BROKER_RETAINED_UNREADABLE: {
    message: 'The retained messages in {file} cannot be opened: {problem}.',
    meaning: 'The file in the data directory cannot be read or written.',
    action: 'Check owner, permissions and free space of the data directory.',
    retry: 'never',
  },
  BROKER_PUBLISH_REFUSED: {
    message: 'A publish to {topic} was refused: {reason}.',
    meaning: 'A client published where it may not, or what is no event; it was not accepted.',
    action: 'Mend the client, or allow the topic under broker.users in gateway.yaml.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
