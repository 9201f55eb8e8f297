import type { Lane } from '../model/tag.ts';
import type { JournalStatus, StreamLedger } from '../ports/journal.ts';
import { ledgerRow } from './consumer.ts';
import { diskSpace } from './disk-space.ts';
import { OfflineCopy } from './offline-copy.ts';
import { verify } from './verify.ts';
import type { VerifyReport } from './verify-report.ts';

/**
 * The state of a journal whose daemon is down; alters nothing. `quotaBytes` is 0: the quota is configuration.
 * @throws JOURNAL_UNAVAILABLE there is no journal, or its ledger cannot be read
 */
export async function inspectJournal(directory: string): Promise<JournalStatus> {
  const copy = new OfflineCopy(directory);
  try {
    const { head, segments, consumers } = copy.content;
    const present = segments.filter(({ state }) => state !== 'dropping');
    const lane = (name: Lane) => {
      const own = present.filter((segment) => segment.lane === name);
      return { segments: own.length, events: sum(own, 'count'), bytes: sum(own, 'bytes') };
    };
    return {
      journalId: head.journalId,
      lastSequence: Math.max(head.lastSequence, ...present.map(({ last }) => last)),
      lanes: { critical: lane('critical'), normal: lane('normal'), bulk: lane('bulk') },
      bytes: sum(present, 'bytes'),
      quotaBytes: 0,
      blocked: null,
      freeDiskBytes: diskSpace(directory).freeBytes,
      gaps: copy.gaps,
      ledger: [...consumers.values()].map((consumer) => ledgerRow(consumer, copy.content)),
    };
  } finally {
    copy.close();
  }
}

/**
 * The ledger by stream of a journal whose daemon is down; alters nothing.
 * @throws JOURNAL_UNAVAILABLE there is no journal, or its ledger cannot be read
 */
export async function inspectStreams(directory: string): Promise<StreamLedger> {
  const copy = new OfflineCopy(directory);
  try {
    return copy.streamLedger();
  } finally {
    copy.close();
  }
}

/**
 * Check every stored event and the ledger of a journal whose daemon is down; alters nothing, and takes as long as reading it all.
 * @throws JOURNAL_UNAVAILABLE there is no journal, or its ledger cannot be read
 */
export async function verifyJournal(
  directory: string,
  options: { onProgress?(done: number, of: number): void } = {},
): Promise<VerifyReport> {
  const copy = new OfflineCopy(directory);
  try {
    return verify({
      content: copy.content,
      streams: copy.streamLedger(),
      path: (segment) => copy.path(segment),
      isLive: false,
      problems: copy.problems,
      ...options,
    });
  } finally {
    copy.close();
  }
}

function sum<K extends string>(items: readonly Readonly<Record<K, number>>[], key: K): number {
  return items.reduce((total, item) => total + item[key], 0);
}
