import type { Millis } from '../../model/time.ts';
import { isBitArea, type ModbusArea } from '../modbus-address.ts';
import { READ_AREAS } from '../modbus-answer.ts';
import type { WireExchange } from './wire-exchange.ts';

/** What a read brought, as values by address. */
interface ReadPart {
  readonly atMs: Millis;
  readonly area: ModbusArea;
  readonly address: number;
  readonly values: Uint16Array;
}

/**
 * The registers of one unit as its answered reads showed them, over the time of the recording: for a master that reads in other
 * blocks than the recorded one did.
 */
export class RegisterTimeline {
  readonly #parts: readonly ReadPart[];
  readonly #image = new Map<ModbusArea, Map<number, number>>();
  #next = 0;

  constructor(exchanges: readonly WireExchange[]) {
    this.#parts = exchanges.map(readPartOf).filter((part) => part !== null);
    this.rewind();
  }

  /** Back to the beginning: every address has the first value that it will have, so that none is unknown for a while. */
  rewind(): void {
    this.#image.clear();
    for (const part of [...this.#parts].reverse()) this.#apply(part);
    this.#next = 0;
  }

  /** On to a later moment. */
  advance(positionMs: Millis): void {
    for (let part = this.#parts[this.#next]; part !== undefined && part.atMs <= positionMs; ) {
      this.#apply(part);
      part = this.#parts[++this.#next];
    }
  }

  /** The addresses that were ever read, ascending. */
  known(area: ModbusArea): number[] {
    return [...(this.#image.get(area)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** @returns null when one of the addresses was never read */
  read(area: ModbusArea, address: number, count: number): Uint16Array | null {
    const image = this.#image.get(area);
    const values = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const value = image?.get(address + i);
      if (value === undefined) return null;
      values[i] = value;
    }
    return values;
  }

  #apply({ area, address, values }: ReadPart): void {
    const image = this.#image.get(area) ?? new Map<number, number>();
    this.#image.set(area, image);
    values.forEach((value, i) => {
      image.set(address + i, value);
    });
  }
}

function readPartOf({ atMs, request, reply }: WireExchange): ReadPart | null {
  const area = READ_AREAS[request[0] ?? 0];
  if (area === undefined || reply === null || reply[0] !== request[0] || request.length !== 5) return null;
  const asked = Buffer.from(request.buffer, request.byteOffset, request.length);
  const answer = Buffer.from(reply.buffer, reply.byteOffset, reply.length);
  const count = asked.readUInt16BE(3);
  const isBits = isBitArea(area);
  if (answer.length !== 2 + (isBits ? Math.ceil(count / 8) : count * 2)) return null;
  const values = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = isBits ? ((answer[2 + (i >> 3)] ?? 0) >> (i & 7)) & 1 : answer.readUInt16BE(2 + i * 2);
  }
  return { atMs, area, address: asked.readUInt16BE(1), values };
}
