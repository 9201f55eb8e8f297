import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the tag pipeline. */
export const PIPELINE_EVENTS = {
  'pipeline-samples-refused': {
    level: 'error',
    message: 'the journal refused samples; they are lost',
    counter: 'pipeline_samples_refused_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
