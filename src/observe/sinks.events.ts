import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `sinks`. */
export const SINKS_EVENTS = {
  'sink-connected': { level: 'info', message: 'sink connected', counter: 'sink_connections_total' },
  'sink-connect-failed': { level: 'warn', message: 'sink cannot connect', counter: 'sink_connect_failures_total' },
  'sink-disconnected': { level: 'warn', message: 'sink disconnected', counter: 'sink_disconnections_total' },
  'sink-unusable': { level: 'error', message: 'sink cannot be set up', counter: 'sink_setup_failures_total' },
  'sink-fruitless': {
    level: 'warn',
    message: 'sink connects but nothing is confirmed; sending smaller batches',
    counter: 'sink_fruitless_connections_total',
  },
  'sink-backlog-started': { level: 'info', message: 'sink drains a backlog beside live data' },
  'sink-backlog-drained': { level: 'info', message: 'sink has drained its backlog' },
  'sink-events-settled': { level: 'debug', message: 'sink confirmed a batch', counter: 'sink_events_settled_total' },
  'sink-events-resent': { level: 'debug', message: 'sink sends events again', counter: 'sink_events_resent_total' },
  'sink-batch-rejected': { level: 'warn', message: 'sink rejected a batch', counter: 'sink_batches_rejected_total' },
  'sink-event-dead-lettered': {
    level: 'error',
    message: 'sink will never take an event; it is passed over',
    counter: 'sink_events_dead_lettered_total',
  },
  'sink-forgotten': {
    level: 'warn',
    message: 'a removed sink was forgotten by command; what waited for it is let go',
    counter: 'sinks_forgotten_total',
  },
  'sink-gap-unrecorded': {
    level: 'error',
    message: 'gap event of a dead-lettered event could not be stored',
    counter: 'sink_gaps_unrecorded_total',
  },
  'sink-read-failed': {
    level: 'warn',
    message: 'sink cannot read its backlog',
    counter: 'sink_backlog_read_failures_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
