import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `broker`. */
export const BROKER_EVENTS = {
  'broker-listening': { level: 'info', message: 'The broker listens' },
  'broker-client-connected': {
    level: 'info',
    message: 'An MQTT client connected',
    counter: 'broker_clients_connected_total',
  },
  'broker-client-disconnected': { level: 'info', message: 'An MQTT client disconnected' },
  'broker-connection-refused': {
    level: 'warn',
    message: 'An MQTT connection was ended before or for what it sent',
    counter: 'broker_connections_refused_total',
  },
  'broker-sign-in-refused': {
    level: 'warn',
    message: 'An MQTT client may not connect',
    counter: 'broker_sign_ins_refused_total',
  },
  'broker-tls-refused': {
    level: 'warn',
    message: 'A TLS handshake failed',
    counter: 'broker_tls_refused_total',
  },
  'broker-connection-error': {
    level: 'debug',
    message: 'An MQTT connection broke',
    counter: 'broker_connection_errors_total',
  },
  'broker-client-error': {
    level: 'info',
    message: 'An MQTT client was disconnected',
    counter: 'broker_client_errors_total',
  },
  'broker-accept-failed': {
    level: 'error',
    message: 'The broker cannot accept connections',
    counter: 'broker_accept_failures_total',
  },
  'broker-failed': { level: 'error', message: 'The broker reported an error', counter: 'broker_failures_total' },
  'broker-publish-accepted': {
    level: 'debug',
    message: 'A publish was accepted',
    counter: 'broker_publishes_accepted_total',
  },
  'broker-publish-repeated': {
    level: 'debug',
    message: 'A repeated publish was acknowledged and not accepted again',
    counter: 'broker_publishes_repeated_total',
  },
  'broker-publish-refused': {
    level: 'warn',
    message: 'A publish was refused',
    counter: 'broker_publishes_refused_total',
  },
  'broker-publish-failed': {
    level: 'warn',
    message: 'A publish could not be accepted by the journal',
    counter: 'broker_publishes_failed_total',
  },
  'broker-subscribe-refused': {
    level: 'warn',
    message: 'A subscription was refused',
    counter: 'broker_subscriptions_refused_total',
  },
  'broker-client-slow': {
    level: 'warn',
    message: 'A client reads too slowly; messages for it are dropped',
    counter: 'broker_messages_dropped_total',
  },
  'broker-client-frozen': {
    level: 'warn',
    message: 'A client took no byte for the drain time-out and was disconnected',
    counter: 'broker_clients_frozen_total',
  },
  'broker-session-overflow': {
    level: 'warn',
    message: 'An absent client left too many messages waiting; the oldest is dropped',
    counter: 'broker_session_messages_dropped_total',
  },
  'broker-session-evicted': {
    level: 'warn',
    message: 'Too many sessions of absent clients; the oldest is dropped',
    counter: 'broker_sessions_evicted_total',
  },
  'broker-retained-full': {
    level: 'warn',
    message: 'A message was delivered but not retained: too many are',
    counter: 'broker_retained_refused_total',
  },
  'broker-retained-torn': {
    level: 'warn',
    message: 'Unreadable lines in the file of retained messages were skipped',
    counter: 'broker_retained_torn_total',
  },
  'broker-retained-write-failed': {
    level: 'error',
    message: 'Retained messages could not be written; they are kept in memory',
    counter: 'broker_retained_write_failures_total',
  },
  'bus-subscriber-failed': {
    level: 'error',
    message: 'A subscriber of the bus failed on events',
    counter: 'bus_subscriber_failures_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
