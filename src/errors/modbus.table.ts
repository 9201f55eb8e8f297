import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `modbus`. */
export const MODBUS_ERRORS = {
  MODBUS_CONNECT_FAILED: {
    message: 'cannot connect to {place}: {reason}',
    meaning:
      'The connection to the device or gateway was not established within connect_timeout_ms or was refused, or the serial port cannot be opened.',
    action:
      'Check that the device is on and that {place} can be reached from this machine (cable, firewall, port); of a serial port that it exists, that no other program has it open, and that the group dialout may use it.',
    retry: 'backoff',
  },
  MODBUS_CONNECTION_LOST: {
    message: 'connection to {place} lost: {reason}',
    meaning:
      'The device, a gateway or the network closed or reset an open connection, or a serial adapter was unplugged.',
    action: 'Nothing, if it comes back by itself; else check whether the device allows another connection.',
    retry: 'reconnect',
  },
  MODBUS_TIMEOUT: {
    message: 'unit {unit} at {place} did not answer within {timeoutMs} ms{meanwhile}',
    meaning:
      'A request was not answered in time. A late answer reaches nobody: the connection is dropped, or on a serial line waited out.',
    action:
      'Check that the unit is on and has this number; raise timeout_ms if it is just slow. A device or gateway that answers under another transaction number does not copy the number of the request, as Modbus TCP has it: look for a newer firmware.',
    retry: 'reconnect',
  },
  MODBUS_BAD_REPLY: {
    message: 'unit {unit} at {place} answered wrongly: {reason}',
    meaning:
      'What came is no answer to the request: another unit, function, length or checksum. Nothing of it is used.',
    action:
      'Look for another master on the same line or gateway, a wrong baud rate or parity, noise, or a firmware fault of the device.',
    retry: 'reconnect',
  },
  MODBUS_UNIT_UNREACHABLE: {
    message: 'gateway {place} does not reach unit {unit}: {reason}',
    meaning: 'The gateway answered in place of the unit, with exception 10 or 11.',
    action: 'Check that the unit is on and has this number, and the serial line behind the gateway.',
    retry: 'backoff',
  },
  MODBUS_EXCEPTION: {
    message: 'unit {unit} at {place} refused: {reason}',
    meaning: 'The unit answered a request with an exception.',
    action: 'Compare address and type with the register map of the device.',
    retry: 'backoff',
  },
  MODBUS_NOT_CONNECTED: {
    message: 'not connected to {place}: {reason}',
    meaning: 'The connection is down and the next attempt is still to come.',
    action: 'Check that the device is on and that {place} can be reached from this machine.',
    retry: 'backoff',
  },
  MODBUS_UNIT_SILENT: {
    message: 'unit {unit} at {place} does not answer',
    meaning: 'The unit fell silent before this request was sent; the request was not sent.',
    action: 'Check that the unit is on and has this number.',
    retry: 'backoff',
  },
  MODBUS_UNIT_UNSTEADY: {
    message: 'unit {unit} at {place} answers only now and then, and held up the others on its line',
    meaning:
      'Other units have waited for answers of this one that did not come, for longer than a unit may cost them; it is left alone until it has answered three probes in a row and that time is made good.',
    action:
      'Check the cable, termination and supply of the unit, or a radio link to it. A shorter `timeout_ms` makes each lost answer cost less.',
    retry: 'backoff',
  },
  MODBUS_OVERLOADED: {
    message: 'too many requests wait for {place}',
    meaning: 'More requests on demand were made than the device answers; this one was not sent.',
    action: 'Ask again later, or ask for fewer tags at once.',
    retry: 'backoff',
  },
  MODBUS_DEVICE_UNKNOWN: {
    message: 'no device {device} on this connection',
    meaning: 'A read was asked of a driver that does not serve the device.',
    action: 'Check the name of the device.',
    retry: 'never',
  },
  MODBUS_STOPPED: {
    message: 'the driver of {place} has been stopped',
    meaning: 'A request was made or was pending when the device was being shut down.',
    action: 'Nothing.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
