import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `opcua`. */
export const OPCUA_EVENTS = {
  'opcua-connected': {
    level: 'info',
    message: 'OPC UA server connected',
    counter: 'opcua_connects_total',
  },
  'opcua-disconnected': {
    level: 'warn',
    message: 'OPC UA server not connected, trying again',
    counter: 'opcua_disconnects_total',
  },
  'opcua-silent': {
    level: 'warn',
    message: 'OPC UA server connected but silent, rebuilding the connection',
    counter: 'opcua_silences_total',
  },
  'opcua-request-timeout': {
    level: 'warn',
    message: 'OPC UA request not answered in time',
    counter: 'opcua_timeouts_total',
  },
  'opcua-tag-refused': {
    level: 'warn',
    message: 'OPC UA tag cannot be read',
    counter: 'opcua_tag_faults_total',
  },
  'opcua-notifications-lost': {
    level: 'warn',
    message: 'OPC UA notifications lost, reading all values again',
    counter: 'opcua_lost_notifications_total',
  },
  'opcua-scan-overrun': {
    level: 'warn',
    message: 'OPC UA scan took longer than its period, scans were left out',
    counter: 'opcua_scan_overruns_total',
  },
  'opcua-insecure': {
    level: 'warn',
    message: 'OPC UA connection without security, as the device file demands',
  },
  'opcua-certificate-made': {
    level: 'info',
    message: 'OPC UA certificate of this gateway made, trust it on the servers',
  },
  'opcua-server-trusted-on-first-use': {
    level: 'warn',
    message: 'OPC UA server certificate seen first, trusted from now on',
  },
  'opcua-server-certificate-expired': {
    level: 'warn',
    message: 'OPC UA server certificate is out of its time, still trusted by name',
  },
} as const satisfies Record<string, InternalEventEntry>;
