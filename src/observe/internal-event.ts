export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One row of the internal-events table. */
export interface InternalEventEntry {
  readonly level: LogLevel;
  /** Fixed text; what varies goes into the fields. */
  readonly message: string;
  /** Counter that each emission raises by one (or by its count): `modbus_timeouts_total`. */
  readonly counter?: string;
}
