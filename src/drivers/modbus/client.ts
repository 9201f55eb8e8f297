import type { HeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { ModbusReply, ModbusRequest } from './frame.ts';

/** Hears frames. The bytes are to be used before it returns. */
export type FrameListener = (isRequest: boolean, bytes: Uint8Array) => void;

/** What a client tells its owner. */
export interface ClientHandlers {
  /** Called once, when an open connection ends in whatever way but `close`; what is pending has been rejected. */
  readonly onDown: (error: HeadgateError) => void;
  /** A whole frame, or bytes, that answer nothing that is asked: a repeat, a late answer, noise. */
  readonly onStray: () => void;
  /** Who hears of every frame that was sent and that came, asked for each; what cannot be cut into frames is heard as it is. Null: nobody. */
  readonly listener?: () => FrameListener | null;
}

/** One connection to a wire, used once. */
export interface WireClient {
  /** Requests that may be in flight at once. */
  readonly capacity: number;
  /** True once a reply came: the peer speaks Modbus. */
  readonly hasAnswered: boolean;
  /**
   * True when answers carry no number, so that nothing but time tells a late answer from another's: after a time-out the unit must be left
   * alone for as long as an answer may still come.
   */
  readonly isUnnumbered: boolean;
  /** @throws MODBUS_CONNECT_FAILED; `onDown` is not called then */
  open(): Promise<void>;
  /**
   * Send and wait for the answer; at most `capacity` at a time, and one more for each unit where answers carry numbers (`WireJob.holdMs`).
   * @throws MODBUS_TIMEOUT, MODBUS_BAD_REPLY, MODBUS_CONNECTION_LOST
   */
  request(request: ModbusRequest, timeoutMs: Millis): Promise<ModbusReply>;
  /** Silence that is still due before anything may be sent; 0 when now is right. */
  quietMs(): Millis;
  /** End the connection; what is pending is rejected with the error. Resolves when the place can be opened again. */
  close(error: HeadgateError): Promise<void>;
}
