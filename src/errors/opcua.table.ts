import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `opcua`. */
export const OPCUA_ERRORS = {
  OPCUA_CONNECT_FAILED: {
    message: 'cannot connect to {endpoint}: {reason}',
    meaning: 'The TCP connection or the secure channel to the OPC UA server was not established.',
    action:
      'Check that the server runs and that {endpoint} can be reached from this machine (firewall, port, host name).',
    retry: 'backoff',
  },
  OPCUA_TIMEOUT: {
    message: '{what} at {endpoint} took longer than {timeoutMs} ms',
    meaning: 'The OPC UA server did not answer within the deadline; the connection is given up and rebuilt.',
    action:
      'Check the load of the server and the network; raise connect_timeout_ms or request_timeout_ms if it is just slow.',
    retry: 'reconnect',
  },
  OPCUA_LINK_LOST: {
    message: 'connection to {endpoint} lost: {reason}',
    meaning: 'The OPC UA server or the network closed an open connection.',
    action: 'Nothing, if it comes back by itself; else check the server and the network.',
    retry: 'reconnect',
  },
  OPCUA_SILENT: {
    message: '{endpoint} looks connected but delivers nothing: {reason}',
    meaning:
      'The server time that every subscription carries stopped changing, or keep-alives stopped; the client is rebuilt.',
    action:
      'Nothing, if it comes back by itself; if it repeats, check whether the server is overloaded or needs an update.',
    retry: 'reconnect',
  },
  OPCUA_SERVICE_FAILED: {
    message: '{what} at {endpoint} failed: {status}',
    meaning: 'The OPC UA server answered a request with a service fault.',
    action: 'Look up {status} in the server documentation; its log often says more.',
    retry: 'reconnect',
  },
  OPCUA_ENDPOINT_NOT_OFFERED: {
    message: '{endpoint} does not offer {wanted}; it offers {offered}',
    meaning: 'The server has no endpoint with the security policy and mode of the device file.',
    action: 'Enable {wanted} on the server, or set security.policy and security.mode to one that it offers.',
    retry: 'backoff',
  },
  OPCUA_SERVER_UNTRUSTED: {
    message: 'certificate of {endpoint} is not trusted: {reason}',
    meaning:
      'The certificate of the server is neither in the trusted folder, nor the pinned one, nor the one seen first.',
    action: 'Compare fingerprint {fingerprint} with the one that the server shows; if it is right: {remedy}.',
    retry: 'backoff',
  },
  OPCUA_CLIENT_UNTRUSTED: {
    message: '{endpoint} refused the certificate of this gateway: {status}',
    meaning: 'The server does not trust the certificate of the gateway yet, or finds it unfit.',
    action: 'Trust the certificate {certificate} in the administration of the server.',
    retry: 'backoff',
  },
  OPCUA_SIGN_IN_REFUSED: {
    message: '{endpoint} refused to sign in {user}: {status}',
    meaning: 'User name, password or user certificate are wrong, or the server does not admit this kind of user.',
    action: 'Check user in the device file and the rights of the account on the server.',
    retry: 'backoff',
  },
  OPCUA_PASSWORD_IN_CLEAR: {
    message: '{endpoint} would receive the password in clear; nothing was sent',
    meaning: 'The channel is not encrypted and the server wants the password without encryption of its own.',
    action: 'Set security.mode to SignAndEncrypt, or give the user token of the server a security policy.',
    retry: 'backoff',
  },
  OPCUA_SECRET_UNREADABLE: {
    message: 'cannot read {reference}: {reason}',
    meaning: 'The file or systemd credential that a device file refers to is missing or may not be read.',
    action: 'Create {reference}, readable for the user that the daemon runs as.',
    retry: 'backoff',
  },
  OPCUA_PKI_UNUSABLE: {
    message: 'cannot use the certificates under {directory}: {reason}',
    meaning: 'The certificate of the gateway could neither be read nor made.',
    action: 'Check owner, rights and free space of {directory}.',
    retry: 'backoff',
  },
  OPCUA_STOPPED: {
    message: 'the driver of {endpoint} has been stopped',
    meaning: 'A request came when the device was being shut down.',
    action: 'Nothing.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
