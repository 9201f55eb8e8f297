import { randomBytes } from 'node:crypto';

/** 12 characters of [a-z0-9], from 62 random bits: two journals that ever meet upstream do not share it. */
export function newJournalId(): string {
  return randomBytes(8).readBigUInt64BE().toString(36).padStart(13, '0').slice(-12);
}
