import type { Random } from '../../../src/ports/clock.ts';
import { stampedRegisters } from './stamped-registers.ts';

/** A request as a hostile unit sees it, whatever carried it. */
export interface HostileRequest {
  readonly unit: number;
  readonly pdu: Buffer;
  /** A frame around any unit and protocol data unit, as the transport wants it. */
  frame(unit: number, pdu: Uint8Array): Buffer;
  send(bytes: Uint8Array): void;
  /** Send byte by byte, with a pause between two; in order with all that is sent. */
  trickle(bytes: Uint8Array, gapMs: number): void;
  /** Break the connection, if there is one. */
  end(how: 'reset' | 'close'): void;
}

/** What it does instead of answering. */
const FAULTS = [
  'late',
  'duplicate',
  'truncated',
  'wrong-unit',
  'wrong-function',
  'wrong-transaction',
  'old-transaction',
  'lying-length',
  'lying-count',
  'trickle',
  'slow-trickle',
  'silence',
  'reset',
  'close',
  'garbage',
  'noise',
  'damaged',
  'exception',
  'foreign-first',
] as const;
export type UnitFault = (typeof FAULTS)[number];

/** A Modbus TCP header has a transaction; the others have nothing of the kind. */
const NUMBERED_ONLY: ReadonlySet<UnitFault> = new Set(['wrong-transaction', 'old-transaction', 'lying-length']);

export interface HostileUnitOptions {
  readonly random: Random;
  /** Share of requests that are not answered as they should be. */
  readonly faultRate: number;
  readonly isNumbered: boolean;
  /** Another process carries the bytes on, and may pause between any two writes: what must come in one piece is one write. */
  readonly isRelayed: boolean;
  /** A late answer comes between these times after the request. */
  readonly lateMs: readonly [number, number];
}

/** One thing that a unit did in place of answering, for those who look for the cause of a wrong value. */
export interface Misdeed {
  readonly fault: UnitFault;
  readonly unit: number;
  readonly function: number;
  readonly offset: number;
  readonly count: number;
  /** On the clock of `performance.now()`. */
  readonly atMs: number;
}

/** Misdeeds that are remembered. */
const REMEMBERED = 6;

/** Answers reads of stamped registers, and now and then does its worst. */
export class HostileUnit {
  readonly counts = new Map<UnitFault, number>();
  /** The latest ones, the oldest first. */
  readonly misdeeds: Misdeed[] = [];
  requests = 0;
  readonly #options: HostileUnitOptions;
  readonly #faults: readonly UnitFault[];

  constructor(options: HostileUnitOptions) {
    this.#options = options;
    this.#faults = FAULTS.filter((fault) => options.isNumbered || !NUMBERED_ONLY.has(fault));
  }

  take(request: HostileRequest): void {
    this.requests++;
    const { random, faultRate } = this.#options;
    const { pdu, unit, frame, send } = request;
    const answer = answerOf(pdu);
    if (random() >= faultRate) {
      send(frame(unit, answer));
      return;
    }
    const fault = this.#faults[Math.floor(random() * this.#faults.length)] as UnitFault;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    const [offset, count] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3)];
    this.misdeeds.push({ fault, unit, function: pdu[0] ?? 0, offset, count, atMs: performance.now() });
    if (this.misdeeds.length > REMEMBERED) this.misdeeds.shift();
    this.#misbehave(fault, request, answer);
  }

  #misbehave(fault: UnitFault, { unit, frame, send, trickle, end }: HostileRequest, answer: Buffer): void {
    const { random, lateMs } = this.#options;
    const honest = frame(unit, answer);
    const part = () => honest.subarray(0, 1 + Math.floor(random() * (honest.length - 1)));
    switch (fault) {
      case 'late': {
        const began = performance.now();
        // A machine too busy to be late in time makes no answer later than any.
        later(lateMs[0] + random() * (lateMs[1] - lateMs[0]), () => {
          if (performance.now() - began <= lateMs[1] + 5) send(honest);
        });
        break;
      }
      case 'duplicate': {
        const afterMs = random() * 1.5;
        if (this.#options.isRelayed) {
          send(Buffer.concat([honest, honest]));
          break;
        }
        send(honest);
        const began = performance.now();
        // Behind the silence that ends a frame nothing tells it from the answer to the next request: not even a busy machine may put it there.
        later(afterMs, () => {
          if (this.#options.isNumbered || performance.now() - began <= 1.5) send(honest);
        });
        break;
      }
      case 'truncated':
        send(part());
        break;
      case 'wrong-unit':
        send(frame((unit % 247) + 1, answer));
        break;
      case 'wrong-function':
        send(frame(unit, Buffer.from([answer[0] === 3 ? 4 : 3, ...answer.subarray(1)])));
        break;
      case 'wrong-transaction':
      case 'old-transaction': {
        const other = Buffer.from(honest);
        const by = fault === 'old-transaction' ? -256 : random() < 0.5 ? 1 : -1;
        other.writeUInt16BE((other.readUInt16BE(0) + by) & 0xffff, 0);
        send(other);
        break;
      }
      case 'lying-length': {
        const lie = Buffer.from(honest);
        lie.writeUInt16BE(Math.floor(random() * 0x1_0000), 4);
        send(lie);
        break;
      }
      case 'lying-count': {
        const lie = Buffer.from(answer);
        lie[1] = Math.floor(random() * 256);
        send(frame(unit, lie));
        break;
      }
      case 'trickle':
        trickle(honest, 0);
        break;
      case 'slow-trickle':
        trickle(honest, 1);
        break;
      case 'silence':
        break;
      case 'reset':
        end('reset');
        break;
      case 'close':
        send(part());
        end('close');
        break;
      case 'garbage':
        send(Buffer.from(Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256))));
        break;
      case 'noise':
        send(Buffer.concat([Buffer.from([0, 0xff]), honest]));
        break;
      case 'damaged': {
        const damaged = Buffer.from(honest);
        // Behind the header of TCP, which has no checksum: the data are then the unit's own affair.
        const at = this.#options.isNumbered ? 7 : Math.floor(random() * damaged.length);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
        send(damaged);
        break;
      }
      case 'exception':
        send(frame(unit, Buffer.from([(answer[0] ?? 0) | 0x80, 1 + Math.floor(random() * 11)])));
        break;
      case 'foreign-first':
        send(Buffer.concat([frame((unit % 247) + 1, answer), honest]));
        break;
    }
  }
}

/** The honest answer to a read of registers. */
function answerOf(pdu: Buffer): Buffer {
  const data = stampedRegisters(pdu.readUInt16BE(1), pdu.readUInt16BE(3));
  return Buffer.concat([Buffer.from([pdu[0] ?? 0, data.length]), data]);
}

function later(delayMs: number, act: () => void): void {
  setTimeout(act, delayMs).unref();
}
