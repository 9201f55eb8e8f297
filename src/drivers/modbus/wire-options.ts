import type { HeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { ClientHandlers, FrameListener, WireClient } from './client.ts';

/** What a wire is made of. */
export interface WireOptions {
  /** For people: `192.168.0.20:502`, `/dev/ttyUSB0`. */
  readonly place: string;
  /** A client for one connection, not open yet. */
  readonly makeClient: (handlers: ClientHandlers) => WireClient;
  /** Who hears of the frames of a connection, by its number; asked once for each connection. */
  readonly listenerOf?: (connection: number) => () => FrameListener | null;
  readonly pauseMs: Millis;
  readonly reconnectMinMs: Millis;
  readonly reconnectMaxMs: Millis;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** The connection is open after having been down. */
  readonly onUp: () => void;
  /** The connection is down and stays so until `onUp`; called once for each time, and for a first attempt that fails. */
  readonly onDown: (error: HeadgateError) => void;
}
