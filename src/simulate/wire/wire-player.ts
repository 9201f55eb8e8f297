import type { Millis } from '../../model/time.ts';
import { isBitArea } from '../modbus-address.ts';
import { encodeReadAnswer, exceptionPdu, READ_AREAS } from '../modbus-answer.ts';
import { ModbusException } from '../modbus-unit.ts';
import { RegisterTimeline } from './register-timeline.ts';
import type { WireExchange } from './wire-exchange.ts';

/** What a recorded wire says to a request. */
export interface PlayedAnswer {
  /** Null: silence. */
  readonly pdu: Uint8Array | null;
  /** As it took when it was recorded. */
  readonly latencyMs: Millis;
}

/**
 * Answers requests as a recorded wire did at a moment of the recording. The same request gets the answer, the exception or the silence that it
 * got last before that moment (before its first time: the first). Another read is answered from the registers that recorded reads
 * showed, or with exception 2; another function with exception 1; a unit that was never asked with exception 11.
 */
export class WirePlayer {
  readonly #units = new Map<number, { readonly timeline: RegisterTimeline; readonly latencyMs: Millis }>();
  readonly #byRequest = new Map<string, WireExchange[]>();
  #positionMs = 0;

  constructor(exchanges: readonly WireExchange[]) {
    for (const [unit, own] of Map.groupBy(exchanges, (exchange) => exchange.unit)) {
      const latencies = own.flatMap(({ latencyMs }) => latencyMs ?? []).sort((a, b) => a - b);
      const latencyMs = latencies[latencies.length >> 1] ?? 0;
      this.#units.set(unit, { timeline: new RegisterTimeline(own), latencyMs });
    }
    for (const exchange of exchanges) {
      const key = keyOf(exchange.unit, exchange.request);
      const list = this.#byRequest.get(key);
      if (list === undefined) this.#byRequest.set(key, [exchange]);
      else list.push(exchange);
    }
  }

  get units(): number[] {
    return [...this.#units.keys()].sort((a, b) => a - b);
  }

  /** What was ever read of a unit; null when nobody asked it. */
  timeline(unit: number): RegisterTimeline | null {
    return this.#units.get(unit)?.timeline ?? null;
  }

  /** Go to a moment of the recording; an earlier one begins anew. */
  seek(positionMs: Millis): void {
    for (const { timeline } of this.#units.values()) {
      if (positionMs < this.#positionMs) timeline.rewind();
      timeline.advance(positionMs);
    }
    this.#positionMs = positionMs;
  }

  answer(unit: number, request: Uint8Array): PlayedAnswer {
    const known = this.#byRequest.get(keyOf(unit, request));
    if (known !== undefined) {
      const { reply, latencyMs } = lastUntil(known, this.#positionMs);
      return { pdu: reply, latencyMs: latencyMs ?? 0 };
    }
    const code = request[0] ?? 0;
    const asked = this.#units.get(unit);
    if (asked === undefined) return { pdu: exceptionPdu(code, ModbusException.GatewayTargetFailed), latencyMs: 0 };
    return { pdu: this.#fromRegisters(asked.timeline, request), latencyMs: asked.latencyMs };
  }

  #fromRegisters(timeline: RegisterTimeline, request: Uint8Array): Uint8Array {
    const code = request[0] ?? 0;
    const area = READ_AREAS[code];
    if (area === undefined) return exceptionPdu(code, ModbusException.IllegalFunction);
    if (request.length !== 5) return exceptionPdu(code, ModbusException.IllegalDataValue);
    const view = Buffer.from(request.buffer, request.byteOffset, request.length);
    const count = view.readUInt16BE(3);
    if (count < 1 || count > (isBitArea(area) ? 2000 : 125))
      return exceptionPdu(code, ModbusException.IllegalDataValue);
    const values = timeline.read(area, view.readUInt16BE(1), count);
    return values === null
      ? exceptionPdu(code, ModbusException.IllegalDataAddress)
      : encodeReadAnswer(code, isBitArea(area), values);
  }
}

function keyOf(unit: number, request: Uint8Array): string {
  return `${unit} ${Buffer.from(request.buffer, request.byteOffset, request.length).toString('latin1')}`;
}

/** The last exchange at or before a moment, else the first. */
function lastUntil(exchanges: readonly WireExchange[], positionMs: Millis): WireExchange {
  let low = 0;
  let high = exchanges.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((exchanges[middle]?.atMs ?? 0) <= positionMs) low = middle;
    else high = middle;
  }
  return exchanges[low] as WireExchange;
}
