import type { VerifyReport } from './verify.ts';

export async function runVerifier(
  _directory: string,
  _last: number,
  _onProgress: ((done: number, of: number) => void) | undefined,
): Promise<VerifyReport> {
  throw new Error('not yet');
}
