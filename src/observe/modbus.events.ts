import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `modbus`. */
export const MODBUS_EVENTS = {
  'modbus-connected': { level: 'info', message: 'Modbus connection open', counter: 'modbus_connects_total' },
  'modbus-disconnected': {
    level: 'warn',
    message: 'Modbus connection down, trying again',
    counter: 'modbus_disconnects_total',
  },
  'modbus-unit-silent': {
    level: 'warn',
    message: 'Modbus unit does not answer, tried again now and then',
    counter: 'modbus_unit_silences_total',
  },
  'modbus-unit-answers': { level: 'info', message: 'Modbus unit answers' },
  'modbus-request-timeout': {
    level: 'debug',
    message: 'Modbus request not answered in time',
    counter: 'modbus_timeouts_total',
  },
  'modbus-bad-reply': {
    level: 'warn',
    message: 'Modbus reply fits no request, nothing of it is used',
    counter: 'modbus_bad_replies_total',
  },
  'modbus-stray-reply': {
    level: 'debug',
    message: 'Modbus reply that nobody waits for, ignored',
    counter: 'modbus_stray_replies_total',
  },
  'modbus-exception': {
    level: 'debug',
    message: 'Modbus unit answered with an exception',
    counter: 'modbus_exceptions_total',
  },
  'modbus-tag-refused': {
    level: 'warn',
    message: 'Modbus tag refused by its unit',
    counter: 'modbus_tag_faults_total',
  },
  'modbus-tags-refused': {
    level: 'warn',
    message: 'More Modbus tags refused by their unit; status names them',
    counter: 'modbus_tag_faults_total',
  },
  'modbus-tag-accepted': { level: 'info', message: 'Modbus tag that was refused can be read again' },
  'modbus-limit-learnt': {
    level: 'info',
    message: 'Modbus unit takes smaller requests only, kept to from now on',
  },
  'modbus-hole-learnt': {
    level: 'info',
    message: 'Modbus unit refuses to be read across registers that no tag wants, read around from now on',
  },
  'modbus-plan-changed': {
    level: 'info',
    message: 'Modbus reads were planned anew, since the unit answers faster or slower than before',
    counter: 'modbus_plan_changes_total',
  },
  'modbus-scan-overrun': {
    level: 'warn',
    message: 'Modbus scan took longer than its period, scans were left out',
    counter: 'modbus_scan_overruns_total',
  },
} as const satisfies Record<string, InternalEventEntry>;
