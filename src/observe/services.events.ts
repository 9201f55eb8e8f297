import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `services`. */
export const SERVICES_EVENTS = {
  'service-started': { level: 'info', message: 'service runs' },
  'service-stopped': { level: 'info', message: 'service stopped' },
  'service-restarting': { level: 'warn', message: 'service restarts', counter: 'service_restarts_total' },
  'service-failed': {
    level: 'error',
    message: 'service failed repeatedly, tried again slowly',
    counter: 'service_failures_total',
  },
  'service-isolated': { level: 'warn', message: 'service moved to a worker of its own' },
  'service-stop-overrun': {
    level: 'warn',
    message: 'service did not stop in time and was ended',
    counter: 'service_stop_overruns_total',
  },
  'service-events-dropped': {
    level: 'warn',
    message: 'live events dropped before a lagging service',
    counter: 'service_events_dropped_total',
  },
  'service-fell-behind': {
    level: 'info',
    message: 'durable service lags and reads from the journal',
    counter: 'service_fell_behind_total',
  },
  'service-handler-failed': {
    level: 'warn',
    message: 'service failed on an event',
    counter: 'service_handler_failures_total',
  },
  'service-event-set-aside': {
    level: 'error',
    message: 'event set aside after repeated failures',
    counter: 'service_events_set_aside_total',
  },
  'service-event-refused': {
    level: 'warn',
    message: 'event of a service refused',
    counter: 'service_events_refused_total',
  },
  'service-append-retried': {
    level: 'warn',
    message: 'journal did not take the events of a service yet',
    counter: 'service_append_retries_total',
  },
  'service-event-lost': {
    level: 'error',
    message: 'journal will never take an event of a service',
    counter: 'service_events_lost_total',
  },
  'service-read-retried': {
    level: 'warn',
    message: 'journal could not be read for a service yet',
    counter: 'service_read_retries_total',
  },
  'service-state-damaged': {
    level: 'error',
    message: 'state of a service is damaged; kept aside, service starts empty',
    counter: 'service_state_damaged_total',
  },
  'service-log': { level: 'info', message: 'service says' },
  'service-log-dropped': {
    level: 'warn',
    message: 'log lines of a service dropped, too many at once',
    counter: 'service_log_dropped_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
