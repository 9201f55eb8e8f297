import type { Millis } from '../../model/time.ts';
import { isBitArea } from './area.ts';
import type { Extent } from './plan.ts';

/** How a protocol data unit is wrapped: the MBAP header of TCP; unit and CRC; or hexadecimal text. */
export type Framing = 'tcp' | 'rtu' | 'ascii';

/** A serial line's format. */
export interface SerialLine {
  readonly baudRate: number;
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

/** What an exchange costs on a wire. All in milliseconds, with fractions. */
export interface BusTiming {
  readonly framing: Framing;
  /** One character on the serial line; 0 where the line is unknown or there is none. */
  readonly characterMs: Millis;
  /** Silence that ends an RTU frame, before the unit may answer and before the next request; else 0. */
  readonly frameGapMs: Millis;
  /** Pause that the configuration puts between an answer and the next request (`pause_ms`). */
  readonly pauseMs: Millis;
}

/** Above this rate the gap is fixed, so that interrupt handlers can keep up. */
const FIXED_GAP_ABOVE_BAUD = 19_200;
const FIXED_GAP_MS = 1.75;
const GAP_CHARACTERS = 3.5;
/** Unit and CRC around an RTU protocol data unit. */
const RTU_OVERHEAD = 3;
/** Transaction, protocol, length, unit. */
const TCP_OVERHEAD = 7;
/** Function, address, count. */
const READ_REQUEST_PDU = 5;
/** Function and byte count before the data. */
const READ_REPLY_PDU = 2;

/**
 * Time of one character: start bit, data bits, parity bit if any, stop bits.
 * @source Modbus over Serial Line V1.02 §2.5.1
 */
export function characterMs({ baudRate, dataBits, parity, stopBits }: SerialLine): Millis {
  return ((1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits) * 1000) / baudRate;
}

/**
 * Silence between RTU frames, t3.5: 3.5 characters, and 1.75 ms above 19,200 baud.
 * @source Modbus over Serial Line V1.02 §2.5.1.1
 */
export function frameGapMs(line: SerialLine): Millis {
  return line.baudRate > FIXED_GAP_ABOVE_BAUD ? FIXED_GAP_MS : GAP_CHARACTERS * characterMs(line);
}

/** The timing of a wire. @param line null: no serial line, or one behind a gateway that nobody described: only latency counts */
export function busTiming(framing: Framing, line: SerialLine | null, pauseMs: Millis): BusTiming {
  if (line === null) return { framing, characterMs: 0, frameGapMs: 0, pauseMs };
  // A TCP gateway speaks RTU on its line.
  return {
    framing,
    characterMs: characterMs(line),
    frameGapMs: framing === 'ascii' ? 0 : frameGapMs(line),
    pauseMs,
  };
}

/** Characters on the serial line of a frame around a protocol data unit of so many bytes, function code included; on TCP its bytes. */
export function frameCharacters({ framing, characterMs }: BusTiming, pduBytes: number): number {
  switch (framing) {
    case 'tcp':
      return pduBytes + (characterMs === 0 ? TCP_OVERHEAD : RTU_OVERHEAD);
    case 'rtu':
      return pduBytes + RTU_OVERHEAD;
    case 'ascii':
      // A colon, two digits for each of unit, data and LRC, carriage return and line feed.
      return 1 + 2 * (pduBytes + 2) + 2;
  }
}

/** Silence that a serial client waits for behind an answer: t3.5, and where the standard names none or the line is not known 1.75 ms. */
export function silenceBehindMs({ frameGapMs }: BusTiming): Millis {
  return Math.max(frameGapMs, FIXED_GAP_MS);
}

/** Time of a frame on the line; 0 where there is no line. */
export function frameMs(timing: BusTiming, pduBytes: number): Millis {
  return frameCharacters(timing, pduBytes) * timing.characterMs;
}

/**
 * Least time that the wire is taken by an exchange: request, the unit's turnaround, reply, and the silence before the next request.
 * @param pdu bytes of request and reply, function code included
 * @param latencyMs from the end of the request to the beginning of the reply (TCP without a line: the round trip); an RTU unit may not
 *   answer before t3.5, which counts at least
 */
export function exchangeMs(
  timing: BusTiming,
  pdu: { readonly request: number; readonly reply: number },
  latencyMs: Millis,
): Millis {
  const { frameGapMs: gapMs, pauseMs } = timing;
  return (
    frameMs(timing, pdu.request) + Math.max(latencyMs, gapMs) + frameMs(timing, pdu.reply) + Math.max(gapMs, pauseMs)
  );
}

/** Bytes of the protocol data unit that answers a read. Source: Modbus Application Protocol V1.1b3 §6.1 to §6.4. */
export function readReplyPduBytes({ area, count }: Pick<Extent, 'area' | 'count'>): number {
  return READ_REPLY_PDU + (isBitArea(area) ? Math.ceil(count / 8) : count * 2);
}

/** Least time that the wire is taken by reading an extent. @param latencyMs see `exchangeMs` */
export function readMs(timing: BusTiming, extent: Pick<Extent, 'area' | 'count'>, latencyMs: Millis): Millis {
  return exchangeMs(timing, { request: READ_REQUEST_PDU, reply: readReplyPduBytes(extent) }, latencyMs);
}
