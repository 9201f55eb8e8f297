import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `journal`. */
export const JOURNAL_EVENTS = {
  'journal-opened': { level: 'info', message: 'journal opened' },
  'journal-closed': { level: 'info', message: 'journal closed' },
  'journal-committed': { level: 'debug', message: 'events committed', counter: 'journal_events_committed_total' },
  'journal-overloaded': {
    level: 'warn',
    message: 'journal queue is full, events rejected',
    counter: 'journal_events_rejected_overload_total',
  },
  'journal-blocked': {
    level: 'error',
    message: 'the journal accepts nothing until there is room again; collecting goes on',
    counter: 'journal_blocked_total',
  },
  'journal-disk-full': {
    level: 'error',
    message: 'no room for events, rejected',
    counter: 'journal_events_rejected_disk_full_total',
  },
  'journal-unblocked': { level: 'info', message: 'there is room for events again' },
  'journal-disk-recovered': { level: 'warn', message: 'events are accepted again after some were refused' },
  'journal-ballast-freed': {
    level: 'warn',
    message: 'disk full: ballast file freed',
    counter: 'journal_ballast_freed_total',
  },
  'journal-segment-sealed': { level: 'debug', message: 'segment sealed', counter: 'journal_segments_sealed_total' },
  'journal-segment-pruned': {
    level: 'debug',
    message: 'segment of settled events removed',
    counter: 'journal_events_pruned_total',
  },
  'journal-segment-dropped': {
    level: 'warn',
    message: 'segment dropped before all consumers had settled it',
    counter: 'journal_events_dropped_total',
  },
  'journal-segment-thinned': {
    level: 'info',
    message: 'segment thinned before it has to go',
    counter: 'journal_events_thinned_total',
  },
  'journal-segment-quarantined': {
    level: 'error',
    message: 'damaged segment moved to quarantine',
    counter: 'journal_segments_quarantined_total',
  },
  'journal-segment-truncated': {
    level: 'error',
    message: 'newest events of a segment are missing',
    counter: 'journal_events_missing_total',
  },
  'journal-ledger-rebuilt': {
    level: 'error',
    message: 'cursors and ledger were damaged: rebuilt from the segments; consumers start again at the oldest event',
    counter: 'journal_ledger_rebuilds_total',
  },
  'journal-gap': { level: 'warn', message: 'events lost to consumers', counter: 'journal_gap_events_total' },
  'journal-numbers-unused': {
    level: 'info',
    message: 'numbers that no event had: told to receivers as no loss',
    counter: 'journal_numbers_unused_total',
  },
  'journal-gap-untold': {
    level: 'warn',
    message: 'gap event could not be stored yet; tried again each second',
    counter: 'journal_gap_event_retries_total',
  },
  'journal-gaps-untold': {
    level: 'warn',
    message: 'events that told of gaps were lost before every sink had them; the gaps are told again',
    counter: 'journal_gaps_told_again_total',
  },
  'journal-cursor-limited': {
    level: 'warn',
    message: 'cursor has too many ranges; the highest were left out and will be sent again',
    counter: 'journal_cursor_ranges_dropped_total',
  },
  'clock-stepped': { level: 'warn', message: 'the wall clock was set', counter: 'clock_steps_total' },
  'clock-step-unrecorded': { level: 'error', message: 'a step of the clock could not be recorded' },
  'journal-failed': {
    level: 'error',
    message: 'journal failed, nothing is accepted any more',
    counter: 'journal_failures_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
