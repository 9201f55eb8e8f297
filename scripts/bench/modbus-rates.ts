import { once } from 'node:events';
import { connect } from 'node:net';
import {
  busTiming,
  frameCharacters,
  readMs,
  readReplyPduBytes,
  type SerialLine,
} from '../../src/drivers/modbus/bus-timing.ts';
import type { ModbusConfig } from '../../src/drivers/modbus/config.ts';
import { clientFor } from '../../src/drivers/modbus/connect.ts';
import { compileDecode, decodeBlock } from '../../src/drivers/modbus/decode.ts';
import { afterExactly } from '../../src/drivers/modbus/exact-timer.ts';
import { meaningOf } from '../../src/drivers/modbus/failures.ts';
import { readRequest } from '../../src/drivers/modbus/frame.ts';
import { pointOf } from '../../src/drivers/modbus/point.ts';
import { rtuCodec } from '../../src/drivers/modbus/rtu-frame.ts';
import { SerialLink } from '../../src/drivers/modbus/serial-link.ts';
import { settingsOf } from '../../src/drivers/modbus/settings.ts';
import { encodeFrame } from '../../src/drivers/modbus/tcp-frame.ts';
import { Unit } from '../../src/drivers/modbus/unit.ts';
import { Wire } from '../../src/drivers/modbus/wire.ts';
import { HeadgateError } from '../../src/errors/headgate-error.ts';
import type { TagValue } from '../../src/model/tag.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { recordingObserver } from '../../test/support/observer.ts';
import { tag } from '../../test/support/tag.ts';

const REGISTERS = 125;
const RETRY_MS = 100;
/** Longer than an answer takes at any of the rates. */
const LAST_ANSWER_MS = 1_000;
const EXTENT = { area: 'holding', offset: 0, count: REGISTERS } as const;
const ANSWER_BYTES = 9 + REGISTERS * 2;

/** Read 125 registers over and over through the driver's own path, so many at a time, and decode them. @returns requests a second */
export async function driverRate(config: ModbusConfig, inFlight: number, forMs: number): Promise<number> {
  const settings = settingsOf(config);
  const quiet = { ...recordingObserver(), emit: () => {} };
  const wire = new Wire({
    ...settings,
    makeClient: (handlers) => clientFor(settings, systemClock, handlers),
    ...{ clock: systemClock, random: Math.random, observer: quiet, onUp: () => {}, onDown: () => {} },
  });
  const unit = new Unit({
    ...{ device: 'bench', unit: 1, settings, wire, clock: systemClock, random: Math.random, observer: quiet },
    ...{ onAnswers: () => {}, onSilent: () => {} },
  });
  unit.probeWith(EXTENT);
  const points = Array.from({ length: REGISTERS }, (_none, i) =>
    pointOf(tag(`t${i}`, { address: `HR:${i}`, type: 'uint16' }), 1),
  );
  const slots = points.map((_point, i) => i);
  const program = compileDecode([{ ...EXTENT, points: slots }], points, slots);
  const values = new Array<TagValue>(REGISTERS).fill(null);
  await wire.connect();
  const began = performance.now();
  let done = 0;
  const caller = async () => {
    while (performance.now() - began < forMs) {
      // A machine that is too busy leaves a request unanswered, or tears a frame: that costs its time.
      const reply = await unit.read(EXTENT, began + done).catch(toldFailure);
      if (reply === null || meaningOf(reply.exception).kind === 'unanswered') {
        await passed(RETRY_MS);
        continue;
      }
      const { exception, data } = reply;
      if (exception !== 0) throw new Error(`the bench unit answered exception ${exception}`);
      decodeBlock(program, 0, data, values);
      done++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const seconds = (performance.now() - began) / 1_000;
  await wire.stop();
  return done / seconds;
}

/**
 * The same requests by a bare socket: it counts the bytes of the answers, looks into none, builds no request and sets no deadline. It is
 * read as the driver reads its own, into one buffer.
 * @param areJoined asks in one write for as many as have been answered, which no master can that builds each request for itself; the
 *   server then answers in one write too
 * @returns requests a second
 */
export async function bareRate(port: number, inFlight: number, forMs: number, areJoined: boolean): Promise<number> {
  const request = encodeFrame(1, readRequest(1, EXTENT));
  const requests = Buffer.concat(Array.from({ length: inFlight }, () => request));
  let began = 0;
  let bytes = 0;
  let asked = inFlight;
  const take = (length: number) => {
    bytes += length;
    if (performance.now() - began >= forMs) {
      socket.destroy();
      return false;
    }
    const due = Math.floor(bytes / ANSWER_BYTES) + inFlight - asked;
    asked += due;
    if (due > 0) ask(due);
    return true;
  };
  const onread = { buffer: Buffer.alloc(65_536), callback: take };
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
  const ask = (count: number) => {
    if (areJoined) socket.write(requests.subarray(0, count * request.length));
    else for (let i = 0; i < count; i++) socket.write(request);
  };
  await once(socket, 'connect');
  began = performance.now();
  ask(inFlight);
  await once(socket, 'close');
  return bytes / ANSWER_BYTES / ((performance.now() - began) / 1_000);
}

/** A silent unit is told of once, not at each read that it refuses. */
function toldFailure(error: unknown): null {
  if (!(error instanceof HeadgateError)) throw error;
  if (error.code !== 'MODBUS_UNIT_SILENT') process.stderr.write(`is the machine busy? ${error.message}\n`);
  return null;
}

/** Share of the least time that the bus could need for what was read in this time. */
export async function busShare(path: string, line: SerialLine, forMs: number): Promise<number> {
  const config: ModbusConfig = {
    ...{ name: 'line', driver: 'modbus-rtu', path, baud_rate: line.baudRate, parity: 'none' },
    ...{ timeout_ms: 2_000, reconnect_min_ms: 100, reconnect_max_ms: 100 },
  };
  const perSecond = await driverRate(config, 2, forMs);
  return (perSecond * readMs(busTiming('rtu', line, 0), EXTENT, 0)) / 1_000;
}

/** The same by a loop that counts the bytes of an answer, waits for t3.5 and asks again: what of the rest is the pseudo terminal's and the machine's. */
export async function bareBusShare(path: string, line: SerialLine, forMs: number): Promise<number> {
  const timing = busTiming('rtu', line, 0);
  const request = rtuCodec.encode(readRequest(1, EXTENT));
  const answerBytes = frameCharacters(timing, readReplyPduBytes(EXTENT));
  const link = new SerialLink({ path, line, rts: null, clock: systemClock });
  let bytes = 0;
  let done = 0;
  let onAnswer = (): void => void afterExactly(systemClock, timing.frameGapMs, ask);
  const ask = () => {
    bytes = 0;
    link.write(request);
  };
  const onData = (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes < answerBytes) return;
    done++;
    onAnswer();
  };
  await link.open({ onData, onDown: () => {} });
  const began = performance.now();
  ask();
  await passed(forMs);
  // What is still on its way would meet the next who opens the line.
  const answered = new Promise<void>((resolve) => {
    onAnswer = resolve;
  });
  await Promise.race([answered, passed(LAST_ANSWER_MS)]);
  const perMs = done / (performance.now() - began);
  await link.close();
  return perMs * readMs(timing, EXTENT, 0);
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve));
}
