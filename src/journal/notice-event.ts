import type { InternalEventName } from '../observe/internal-events.ts';
import type { Fields } from '../observe/observer.ts';
import type { Blocked } from './journal-disk.ts';
import { segmentPath } from './segment-info.ts';
import type { StoreNotice } from './store-notice.ts';

/** Why nothing is accepted, in words. */
export const BLOCKED_REASONS: Readonly<Record<Blocked, string>> = {
  quota: 'the quota is used up by events that may not be dropped',
  disk: 'the disk is full',
  readonly: 'the file system is read-only',
};

/** The internal event of a notice from the worker. */
export function noticeToEvent(notice: StoreNotice): { name: InternalEventName; fields: Fields; count: number } {
  switch (notice.kind) {
    case 'gap': {
      const { lane, first, last, count, unused, reason } = notice.gap;
      if (count === 0)
        return { name: 'journal-numbers-unused', fields: { first, last, unused, reason }, count: unused };
      return { name: 'journal-gap', fields: { lane, first, last, count, reason }, count };
    }
    case 'gaps-untold': {
      const { gaps } = notice;
      return {
        name: 'journal-gaps-untold',
        fields: { gaps: gaps.length, first: gaps[0]?.id ?? 0 },
        count: gaps.length,
      };
    }
    case 'sealed':
      return { name: 'journal-segment-sealed', fields: { segment: segmentPath(notice.segment) }, count: 1 };
    case 'pruned':
      return {
        name: 'journal-segment-pruned',
        fields: { segment: segmentPath(notice.segment), events: notice.segment.count },
        count: notice.segment.count,
      };
    case 'dropped':
      return {
        name: 'journal-segment-dropped',
        fields: { segment: segmentPath(notice.segment), events: notice.segment.count, reason: notice.reason },
        count: notice.segment.count,
      };
    case 'quarantined': {
      const { segment, reason, path } = notice;
      const fields = { segment: segmentPath(segment), events: segment.count, reason, kept: path ?? 'nothing' };
      return { name: 'journal-segment-quarantined', fields, count: 1 };
    }
    case 'truncated': {
      const fields = { segment: segmentPath(notice.segment), missing: notice.missing };
      return { name: 'journal-segment-truncated', fields, count: notice.missing };
    }
    case 'thinned': {
      const { segment, drafts } = notice;
      const fields = { segment: segmentPath(segment), events: segment.count, windows: drafts.length };
      return { name: 'journal-segment-thinned', fields, count: segment.count };
    }
    case 'ledger-rebuilt':
      return { name: 'journal-ledger-rebuilt', fields: { reason: notice.reason }, count: 1 };
    case 'ballast-freed':
      return { name: 'journal-ballast-freed', fields: {}, count: 1 };
    case 'blocked':
      return { name: 'journal-blocked', fields: { reason: BLOCKED_REASONS[notice.by] }, count: 1 };
    case 'disk-recovered':
      return { name: 'journal-unblocked', fields: {}, count: 1 };
    case 'cursor-limited':
      return {
        name: 'journal-cursor-limited',
        fields: { consumer: notice.consumer, ranges: notice.ranges },
        count: notice.ranges,
      };
  }
}
