import type { EventDraft } from '../model/event.ts';
import type { Blocked } from './journal-disk.ts';
import type { StoredGap } from './ledger.ts';
import type { SegmentInfo } from './segment-info.ts';

/** What a segment was thinned to, to be appended by the main thread. */
export interface Thinned {
  readonly segment: SegmentInfo;
  readonly drafts: EventDraft[];
}

/** What happened in the store that others should hear of. */
export type StoreNotice =
  | { readonly kind: 'gap'; readonly gap: StoredGap }
  /** The events that told of these gaps were lost: they are to be told again. */
  | { readonly kind: 'gaps-untold'; readonly gaps: readonly StoredGap[] }
  | { readonly kind: 'sealed' | 'pruned' | 'dropped'; readonly segment: SegmentInfo; readonly reason: string }
  | {
      readonly kind: 'quarantined';
      readonly segment: SegmentInfo;
      readonly reason: string;
      readonly path: string | null;
    }
  | { readonly kind: 'truncated'; readonly segment: SegmentInfo; readonly missing: number }
  | ({ readonly kind: 'thinned' } & Thinned)
  | { readonly kind: 'ledger-rebuilt'; readonly reason: string }
  | { readonly kind: 'ballast-freed' | 'disk-recovered' }
  | { readonly kind: 'blocked'; readonly by: Blocked }
  | { readonly kind: 'cursor-limited'; readonly consumer: string; readonly ranges: number };
