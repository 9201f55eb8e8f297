import { STATUS_CODE_NAMES } from './status-code.table.ts';

/** An OPC UA StatusCode as an unsigned 32-bit integer. Source: OPC 10000-4 §7.39. */
export type StatusCode = number;

/** The coarse meaning of a StatusCode: its top two bits (00, 01, 10). */
export type Severity = 'good' | 'uncertain' | 'bad';

/** The StatusCodes that Headgate itself gives. */
export const Status = {
  Good: 0x00000000,
  Good_Clamped: 0x00300000,
  Uncertain: 0x40000000,
  Uncertain_LastUsableValue: 0x40900000,
  Uncertain_EngineeringUnitsExceeded: 0x40940000,
  Bad: 0x80000000,
  Bad_InternalError: 0x80020000,
  Bad_CommunicationError: 0x80050000,
  Bad_DecodingError: 0x80070000,
  Bad_Timeout: 0x800a0000,
  Bad_NoCommunication: 0x80310000,
  Bad_WaitingForInitialData: 0x80320000,
  Bad_NodeIdUnknown: 0x80340000,
  Bad_OutOfRange: 0x803c0000,
  Bad_NotSupported: 0x803d0000,
  Bad_ConfigurationError: 0x80890000,
  Bad_NotConnected: 0x808a0000,
  Bad_DeviceFailure: 0x808b0000,
  Bad_SensorFailure: 0x808c0000,
  Bad_OutOfService: 0x808d0000,
} as const satisfies Record<string, StatusCode>;

/** Good, Uncertain or Bad, from the top two bits; the reserved 11 counts as Bad. */
export function severityOf(status: StatusCode): Severity {
  const top = status >>> 30;
  return top === 0 ? 'good' : top === 1 ? 'uncertain' : 'bad';
}

/** True when the top two bits are 00. */
export function isGood(status: StatusCode): boolean {
  return status >>> 30 === 0;
}

/**
 * The standard name of a StatusCode, for people; an unknown code keeps its severity and its hexadecimal form.
 * Info bits (the lower 16) do not change the name.
 */
export function statusName(status: StatusCode): string {
  const base = (status & 0xffff0000) >>> 0;
  const name = STATUS_CODE_NAMES.get(status >>> 0) ?? STATUS_CODE_NAMES.get(base);
  if (name !== undefined) return name;
  const severity = severityOf(status);
  return `${severity[0]?.toUpperCase()}${severity.slice(1)}_0x${(status >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;
}
