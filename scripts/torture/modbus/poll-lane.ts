import { setTimeout as pause } from 'node:timers/promises';
import { busTiming, frameMs } from '../../../src/drivers/modbus/bus-timing.ts';
import { clientFor } from '../../../src/drivers/modbus/connect.ts';
import { readRequest, replyPduBytes } from '../../../src/drivers/modbus/frame.ts';
import { settingsOf } from '../../../src/drivers/modbus/settings.ts';
import { Wire } from '../../../src/drivers/modbus/wire.ts';
import { isHeadgateError } from '../../../src/errors/headgate-error.ts';
import type { Random } from '../../../src/ports/clock.ts';
import { systemClock } from '../../../src/ports/system-clock.ts';
import { recordingObserver } from '../../../test/support/observer.ts';
import { type HostilePlace, UNITS } from './hostile-places.ts';
import type { HostileUnit } from './hostile-unit.ts';
import type { StallMeter } from './stall-meter.ts';
import { addressIn, tickNow, wrongIn } from './stamped-registers.ts';

/** Answers of the same shape are those that can be mistaken for each other: few shapes, many of each. */
const COUNTS = [2, 2, 2, 2, 10, 10, 124];
/** Half of the time that ticks take to go round. */
const TICKS_LAST_MS = 1_600;
const REPLUG_EVERY = 250;

/** What became of the polls of a lane. */
export interface LaneFigures {
  polls: number;
  good: number;
  exceptions: number;
  failed: Map<string, number>;
  wrong: { readonly neighbour: number; readonly old: number };
  /** Answers of lines that the machine brought later than `late_reply_ms` after their time-out: no master can tell them from right ones. */
  tooLate: number;
  /** The first wrong values, with what the unit did before. */
  readonly cases: WrongCase[];
  /** How long past its time-out a call settled, at most; frames on the line belong to the time-out, stalls of this process to neither. */
  maxOverdueMs: number;
  replugs: number;
  reconnects: number;
}

/** A wrong value, for those who look for its cause; times are ms before it was believed. */
export interface WrongCase {
  readonly what: 'neighbour' | 'old';
  readonly unit: number;
  readonly function: number;
  readonly offset: number;
  readonly count: number;
  readonly sentAgoMs: number;
  readonly stalledMs: number;
  /** When that was asked which it answers; null: never. */
  readonly answeredAskedAgoMs: number | null;
  readonly data: string;
  readonly before: readonly object[];
}

const MOST_CASES = 20;

export interface LaneOptions {
  readonly unit: HostileUnit;
  readonly place: HostilePlace;
  readonly polls: number;
  readonly random: Random;
  readonly stalls: StallMeter;
  readonly onPolled: () => void;
}

/** Poll a hostile unit so often through the arbiter, as many at once as the wire takes, and judge all that comes. */
export async function pollLane({
  unit: hostile,
  place,
  polls,
  random,
  stalls,
  onPolled,
}: LaneOptions): Promise<LaneFigures> {
  const settings = settingsOf(place.config);
  const { timeoutMs, lateReplyMs, unitPauseMs } = settings;
  const timing = busTiming(settings.framing, settings.line, 0);
  const wire = new Wire({
    ...settings,
    makeClient: (handlers) => clientFor(settings, systemClock, handlers),
    ...{ clock: systemClock, random, observer: { ...recordingObserver(), emit: () => {} } },
    ...{ onUp: () => {}, onDown: () => {} },
  });
  let neighbour = 0;
  let old = 0;
  let tooLate = 0;
  const figures = { polls: 0, good: 0, exceptions: 0, failed: new Map<string, number>(), maxOverdueMs: 0, replugs: 0 };
  const cases: WrongCase[] = [];
  /** When each offset was asked for last. */
  const askedAt = new Map<number, number>();
  let begun = 0;
  let replugging: Promise<void> | null = null;

  const poll = async () => {
    const count = COUNTS[Math.floor(random() * COUNTS.length)] as number;
    const offset = Math.floor(random() * 32_000) * 2;
    const unit = UNITS[Math.floor(random() * UNITS.length)] as number;
    const area = random() < 0.8 ? 'holding' : 'input';
    const request = readRequest(unit, { area, offset, count });
    const lineMs = frameMs(timing, request.pdu.length) + frameMs(timing, replyPduBytes(request.reply));
    let sentAt = performance.now();
    let stallsBefore = stalls.nowMs;
    let sentTick = 0;
    const job = {
      request,
      timeoutMs,
      lateReplyMs,
      unitPauseMs,
      deadline: sentAt,
      ...{ isRead: true, holdMs: null, waitsUntil: null, heldUp: () => {} },
    };
    const isWanted = () => {
      sentAt = performance.now();
      stallsBefore = stalls.nowMs;
      sentTick = tickNow();
      askedAt.set(offset, sentAt);
      return true;
    };
    try {
      const { exception, data } = await wire.send({ ...job, isWanted });
      if (exception !== 0) figures.exceptions++;
      else {
        figures.good++;
        const wrong = wrongIn(Buffer.from(data.buffer, data.byteOffset, data.length), offset, sentTick);
        // After a stall of seconds the ticks have gone round: what is of now would look old.
        const isJudged = wrong === 'neighbour' || performance.now() - sentAt < TICKS_LAST_MS;
        const now = performance.now();
        const ago = (atMs: number) => Math.round((now - atMs) * 10) / 10;
        const answered = wrong === 'neighbour' ? askedAt.get(addressIn(Buffer.from(data))) : undefined;
        // What it answers was asked so long before this that all that is promised for late answers had gone by.
        const isTooLate =
          settings.framing !== 'tcp' && answered !== undefined && sentAt - answered > timeoutMs + lateReplyMs;
        if (isTooLate) tooLate++;
        else if (wrong === 'neighbour') neighbour++;
        else if (wrong === 'old' && isJudged) old++;
        if (wrong !== null && isJudged && !isTooLate && cases.length < MOST_CASES) {
          cases.push({
            ...{ what: wrong, unit, function: request.pdu[0] as number, offset, count, sentAgoMs: ago(sentAt) },
            stalledMs: Math.round(stalls.nowMs - stallsBefore),
            answeredAskedAgoMs: answered === undefined ? null : ago(answered),
            data: Buffer.from(data).toString('hex').slice(0, 64),
            before: hostile.misdeeds.map(({ atMs, ...misdeed }) => ({ ...misdeed, agoMs: ago(atMs) })),
          });
        }
      }
    } catch (error) {
      if (isHeadgateError(error, 'MODBUS_NOT_CONNECTED')) {
        await pause(5);
        return;
      }
      const code = (error as { readonly code?: string }).code ?? String(error);
      figures.failed.set(code, (figures.failed.get(code) ?? 0) + 1);
    }
    figures.polls++;
    const tookMs = performance.now() - sentAt - (stalls.nowMs - stallsBefore);
    figures.maxOverdueMs = Math.max(figures.maxOverdueMs, tookMs - timeoutMs - lineMs);
    onPolled();
  };
  const caller = async () => {
    while (begun < polls) {
      begun++;
      const before = figures.polls;
      await poll();
      if (figures.polls === before) begun--;
      if (place.replug !== null && figures.polls % REPLUG_EVERY === REPLUG_EVERY - 1 && replugging === null) {
        figures.replugs++;
        replugging = place.replug().finally(() => {
          replugging = null;
        });
      }
    }
  };
  await wire.connect();
  await Promise.all(Array.from({ length: settings.maxInFlight }, caller));
  await replugging;
  await wire.stop();
  return { ...figures, wrong: { neighbour, old }, tooLate, cases, reconnects: wire.reconnects };
}
