import type { ModbusReply, ModbusRequest } from './frame.ts';

/** What has come since a request was sent, as its answer. `strays`: whole frames of other units before it, which answer nothing. */
export type Scanned =
  /** `rest`: bytes behind the answer, which nobody asked for. */
  | { readonly kind: 'reply'; readonly reply: ModbusReply; readonly rest: number; readonly strays: number }
  | { readonly kind: 'more'; readonly strays: number }
  /** No answer can come of it. `isWhole`: it was the answer, damaged on the way, so that no other is to come. */
  | { readonly kind: 'broken'; readonly reason: string; readonly isWhole: boolean; readonly strays: number };

/** How requests and answers stand on a wire that has no transaction numbers: one request at a time. Pure. */
export interface SerialCodec {
  encode(request: Pick<ModbusRequest, 'unit' | 'pdu'>): Uint8Array;
  /** Look for the answer. @param bytes all that has come since the request was sent */
  scan(bytes: Uint8Array, request: ModbusRequest): Scanned;
}
