import type { ModbusRequest } from './frame.ts';

/** Transaction, protocol, length, unit and function. */
const HEAD_BYTES = 8;
/** Zeros that every head has in a row: the protocol, and the upper half of the length. */
const HEAD_ZEROS = 3;
const LEAST_LENGTH = 3;

/**
 * True when a frame has the whole head of another answer in it: it was cut off, and what came next has filled it up.
 * @param isExpected whether an answer of this number, unit and function may come, be it late or a repeat
 */
export function holdsHead(
  frame: Uint8Array,
  isExpected: (transaction: number, unit: number, code: number) => boolean,
): boolean {
  // The first place where the lower half of a length could stand, in steps that no run of zeros fits between.
  for (let at = HEAD_BYTES + 4; at < frame.length; at += HEAD_ZEROS) {
    if (frame[at] !== 0) continue;
    let first = at;
    while (first > HEAD_BYTES && frame[first - 1] === 0) first--;
    while (at < frame.length && frame[at] === 0) at++;
    const begin = at - HEAD_ZEROS - 2;
    const isHead = at - first >= HEAD_ZEROS && begin >= HEAD_BYTES && begin + HEAD_BYTES <= frame.length;
    if (!isHead || (frame[at] as number) < LEAST_LENGTH) continue;
    const transaction = ((frame[begin] as number) << 8) | (frame[begin + 1] as number);
    if (isExpected(transaction, frame[at + 1] as number, (frame[at + 2] as number) & 0x7f)) return true;
  }
  return false;
}

/** True when the end of a frame may be the beginning of the answer to another request: had the frame been cut off, that would have filled it up. */
export function endsLikeAnswer(frame: Uint8Array, transaction: number, { unit, pdu }: ModbusRequest): boolean {
  for (let at = 2; at < frame.length; at++) {
    if (frame[at] === transaction >>> 8 && beginsLike(frame, at, transaction, unit, pdu[0] as number)) return true;
  }
  return false;
}

/** True when the bytes from there on begin like the answer; as many as there are. */
function beginsLike(frame: Uint8Array, from: number, transaction: number, unit: number, code: number): boolean {
  const is = (at: number, value: number) => from + at >= frame.length || frame[from + at] === value;
  const isNumbered = is(1, transaction & 0xff) && is(2, 0) && is(3, 0) && is(4, 0);
  return isNumbered && is(6, unit) && (is(7, code) || is(7, code | 0x80));
}
