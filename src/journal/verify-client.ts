import { Worker } from 'node:worker_threads';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { LedgerSnapshot } from './ledger.ts';
import type { FromVerifier } from './messages.ts';
import type { VerifyReport } from './verify-report.ts';
import { workerUrl } from './worker-url.ts';

/** Verify a journal in use in a thread of its own. @throws JOURNAL_UNAVAILABLE the thread failed */
export function runVerifier(
  directory: string,
  snapshot: LedgerSnapshot,
  onProgress?: (done: number, of: number) => void,
): Promise<VerifyReport> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) => reject(new HeadgateError('JOURNAL_UNAVAILABLE', { directory, reason }));
    const worker = new Worker(workerUrl('verify-worker'), {
      workerData: { directory, snapshot },
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 },
    });
    worker.on('message', (message: FromVerifier) => {
      if (message.kind === 'progress') onProgress?.(message.done, message.of);
      else if (message.kind === 'report') resolve(message.report);
      else refuse(message.reason);
    });
    worker.on('error', (error) => refuse(String(error)));
    worker.on('exit', () => refuse('the verifier ended without a report'));
  });
}
