import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `services`. */
export const SERVICES_ERRORS = {
  SERVICE_UNKNOWN: {
    message: 'there is no service {service}',
    meaning: 'The name is neither a built-in service nor one that the configuration lists.',
    action: 'Compare the name with `headgate service list`.',
    retry: 'never',
  },
  SERVICE_LOAD_FAILED: {
    message: 'service {service} cannot be loaded: {reason}',
    meaning:
      'The service file is missing, does not parse, throws while loading, or its default export is not a service.',
    action: 'Correct the file named by `module`; the reason says what was wrong.',
    retry: 'backoff',
  },
  SERVICE_MANIFEST_INVALID: {
    message: 'manifest of service {service}: {reason}',
    meaning: 'What the service says of itself breaks a rule: name, SemVer, topic filters or event types.',
    action: 'Correct the manifest in the service file.',
    retry: 'never',
  },
  SERVICE_CONFIG_INVALID: {
    message: 'configuration of service {service}: {field} is {found}; expected {expected}',
    meaning: "The configuration breaks the service's own schema.",
    action: 'Correct the key and apply the configuration again.',
    retry: 'never',
  },
  SERVICE_FILTER_REFUSED: {
    message: 'service {service} may not subscribe to {filter}: {reason}',
    meaning:
      'The filter is not a legal MQTT topic filter, is not covered by `consumes` of the manifest, or came after start.',
    action: 'Add the filter to `consumes` in the manifest, or narrow the subscription; subscribe within start().',
    retry: 'never',
  },
  SERVICE_EVENT_REFUSED: {
    message: 'service {service} may not publish {type}: {reason}',
    meaning: 'The event type is not in `produces` of the manifest, or the event breaks its schema or a limit.',
    action: 'Correct the service: declare the type with its schema, or publish data that fits. Nothing was stored.',
    retry: 'never',
  },
  SERVICE_STATE_REFUSED: {
    message: 'service {service} cannot keep {key}: {reason}',
    meaning: 'A value of the state store is larger than 1 MiB, or its key is empty or longer than 512 characters.',
    action: 'Split the value over several keys.',
    retry: 'never',
  },
  SERVICE_NOT_RUNNING: {
    message: 'service {service} is {state}',
    meaning: 'The service cannot answer now.',
    action: 'See `headgate service list` for its last error; it is restarted by itself.',
    retry: 'backoff',
  },
  SERVICE_QUERY_UNKNOWN: {
    message: 'service {service} has no query {query}',
    meaning: 'The service answers other queries.',
    action: 'See the page of the service for what it answers.',
    retry: 'never',
  },
  SERVICE_QUERY_FAILED: {
    message: 'service {service} failed on query {query}: {reason}',
    meaning: 'The handler of the query threw.',
    action: 'Check the argument of the query.',
    retry: 'never',
  },
  SERVICE_QUERY_TIMEOUT: {
    message: 'service {service} did not answer query {query} within {timeoutMs} ms',
    meaning: 'The service is busy or hangs.',
    action: 'Try again; if it stays so, `headgate service list` shows how far it lags.',
    retry: 'backoff',
  },
  SERVICE_BUSY: {
    message: 'service {service} has {pending} queries waiting',
    meaning: 'More queries at once than the bound allows.',
    action: 'Ask less often.',
    retry: 'backoff',
  },
  SERVICE_CRASHED: {
    message: 'the worker of service {service} ended: {reason}',
    meaning: 'An exception left the service, or its thread ended.',
    action: 'Nothing at once: it is restarted. Report the reason to who wrote the service.',
    retry: 'backoff',
  },
  SERVICE_HUNG: {
    message: 'service {service} did not answer for {timeoutMs} ms',
    meaning: 'The service keeps its thread busy without end, or a handler never settles.',
    action: 'Nothing at once: it is restarted. Report it to who wrote the service.',
    retry: 'backoff',
  },
  SERVICE_OUT_OF_MEMORY: {
    message: 'service {service} used more than {limitMb} MB',
    meaning: 'The heap limit of the worker was reached: a leak, or too much state for its limit.',
    action: 'Nothing at once: it is restarted. Report it to who wrote the service.',
    retry: 'backoff',
  },
} as const satisfies Record<string, ErrorEntry>;
