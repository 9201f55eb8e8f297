import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import { Status, type StatusCode } from '../../model/quality.ts';
import type { EpochMs } from '../../model/time.ts';
import { NO_DATA } from './frame.ts';
import type { WireReply } from './wire-job.ts';

/** Source: OPC 10000-6 Annex A.2. */
const BAD_RESOURCE_UNAVAILABLE: StatusCode = 0x80040000;

/** What an exception means for the tags of a request. */
export interface ExceptionMeaning {
  /** Stable words, for people. */
  readonly words: string;
  readonly status: StatusCode;
  /**
   * `refused`: something in the request is not there; find out what. `busy`: ask again soon. `failed`: this time no value.
   * `unreachable`: a gateway answers for a unit that does not. `unanswered`: no answer to this, while the unit answers other requests.
   */
  readonly kind: 'refused' | 'busy' | 'failed' | 'unreachable' | 'unanswered';
}

/** A server failed, or, where its software was written so, it does not have what was asked for. */
export const DEVICE_FAILURE = 4;

/** In place of an exception code: the unit answers other requests, but not this one. */
export const UNANSWERED = -1;
/** The same, where what came does not fit. */
const MALFORMED = -2;

/** Exceptions. Source: Modbus Application Protocol V1.1b3 §7. */
const EXCEPTIONS: Readonly<Record<number, ExceptionMeaning>> = {
  1: { words: 'illegal function', status: Status.Bad_NotSupported, kind: 'refused' },
  2: { words: 'illegal data address', status: Status.Bad_NodeIdUnknown, kind: 'refused' },
  3: { words: 'illegal data value', status: Status.Bad_ConfigurationError, kind: 'refused' },
  4: { words: 'device failure', status: Status.Bad_DeviceFailure, kind: 'failed' },
  5: { words: 'acknowledged, answer later', status: BAD_RESOURCE_UNAVAILABLE, kind: 'busy' },
  6: { words: 'device busy', status: BAD_RESOURCE_UNAVAILABLE, kind: 'busy' },
  7: { words: 'negative acknowledge', status: Status.Bad_DeviceFailure, kind: 'failed' },
  8: { words: 'memory parity error', status: Status.Bad_DeviceFailure, kind: 'failed' },
  10: { words: 'gateway path unavailable', status: Status.Bad_NoCommunication, kind: 'unreachable' },
  11: { words: 'gateway target does not respond', status: Status.Bad_NoCommunication, kind: 'unreachable' },
  [UNANSWERED]: { words: 'no answer', status: Status.Bad_NoCommunication, kind: 'unanswered' },
  [MALFORMED]: { words: 'malformed answer', status: Status.Bad_CommunicationError, kind: 'unanswered' },
};

/** The meaning of an exception code; one that the standard does not know counts as a failure of the device. */
export function meaningOf(exception: number): ExceptionMeaning {
  return EXCEPTIONS[exception] ?? { words: `exception ${exception}`, status: Status.Bad_DeviceFailure, kind: 'failed' };
}

/** In place of the reply of a unit that answers other requests, but failed to answer this one. */
export function unansweredBy({ code, context }: HeadgateError, time: EpochMs): WireReply {
  const reply = { data: NO_DATA, time, tookMs: 0, isUnqueued: false };
  if (code !== 'MODBUS_BAD_REPLY') return { ...reply, exception: UNANSWERED };
  return { ...reply, exception: MALFORMED, detail: String(context['reason']) };
}

/** The quality of tags that could not be read because of an error. */
export function statusOf(error: unknown): StatusCode {
  if (!(error instanceof HeadgateError)) return Status.Bad_InternalError;
  switch (error.code) {
    case 'MODBUS_TIMEOUT':
    case 'MODBUS_UNIT_UNREACHABLE':
    case 'MODBUS_UNIT_SILENT':
    case 'MODBUS_UNIT_UNSTEADY':
      return Status.Bad_NoCommunication;
    case 'MODBUS_BAD_REPLY':
      return Status.Bad_CommunicationError;
    case 'MODBUS_OVERLOADED':
      return BAD_RESOURCE_UNAVAILABLE;
    case 'MODBUS_DEVICE_UNKNOWN':
      return Status.Bad_ConfigurationError;
    default:
      return Status.Bad_NotConnected;
  }
}

/** True when it is the unit that failed, not the connection. */
export function isUnitFailure(error: unknown): error is HeadgateError {
  return (
    isHeadgateError(error, 'MODBUS_TIMEOUT') ||
    isHeadgateError(error, 'MODBUS_BAD_REPLY') ||
    isHeadgateError(error, 'MODBUS_CONNECTION_LOST') ||
    isHeadgateError(error, 'MODBUS_UNIT_UNREACHABLE')
  );
}
