import type { TortureEntry } from './torture-case.ts';

/** All tortures by name. */
export const TORTURES: Readonly<Record<string, TortureEntry>> = {
  kill: {
    summary: 'kill -9 at a random moment under load',
    fullRuns: 1000,
    load: () => import('./kill.ts'),
  },
  powercut: {
    summary: 'power cut at a random moment under load: unsynced writes lost, torn or reordered',
    fullRuns: 2000,
    load: () => import('./powercut.ts'),
  },
  fsync: {
    summary: 'fsync and write errors of the disk: once and then a lie, or always',
    fullRuns: 500,
    load: () => import('./fsync.ts'),
  },
  diskfull: {
    summary: 'others fill the 64 MB disk to its last byte, and give it back',
    fullRuns: 30,
    load: () => import('./diskfull.ts'),
  },
  readonly: {
    summary: 'the file system becomes read-only under open files, and writable again',
    fullRuns: 30,
    load: () => import('./readonly.ts'),
  },
  bitrot: {
    summary: 'flipped bits, truncated and vanished files, while stopped and while running',
    fullRuns: 200,
    load: () => import('./bitrot.ts'),
  },
  clock: {
    summary: 'the wall clock steps by -1 year to +30 days, is smeared, or begins in 1970',
    fullRuns: 100,
    load: () => import('./clock.ts'),
  },
  flaps: {
    summary: 'the link upstream is reset 500 times a minute; nothing settled may be sent again',
    fullRuns: 2500,
    load: () => import('./flaps.ts'),
  },
  linkdeath: {
    summary: 'the link upstream dies silently in the middle of a drain',
    fullRuns: 200,
    load: () => import('./linkdeath.ts'),
  },
  wan: {
    summary: 'the end of a 72 h outage over a slow, stalling, half-open line; a run is a million samples of it',
    fullRuns: 300,
    load: () => import('./wan.ts'),
  },
  soak: {
    summary:
      '24 h of events as fast as they go; memory, handles, timers and listeners stay flat; a run is a thousand events',
    fullRuns: 10_000,
    load: () => import('./soak.ts'),
  },
  modbus: {
    summary:
      'Modbus units that answer late, twice, for others, in pieces, with lies or not at all, over every transport',
    fullRuns: 1_000_000,
    load: () => import('./modbus/modbus.ts'),
  },
};
