import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { type StatusCode, statusName } from '../../model/quality.ts';

/** The service result in an error of the protocol library; null when it failed before a server answered. */
export function serviceStatusOf(error: unknown): StatusCode | null {
  if (error instanceof HeadgateError) return serviceStatusOf(error.cause);
  if (typeof error !== 'object' || error === null) return null;
  const direct = statusValue(Reflect.get(error, 'statusCode'));
  if (direct !== null) return direct;
  const response: unknown = Reflect.get(error, 'response');
  if (typeof response !== 'object' || response === null) return null;
  const header: unknown = Reflect.get(response, 'responseHeader');
  return typeof header === 'object' && header !== null ? statusValue(Reflect.get(header, 'serviceResult')) : null;
}

function statusValue(status: unknown): StatusCode | null {
  const value: unknown = typeof status === 'object' && status !== null ? Reflect.get(status, 'value') : null;
  return typeof value === 'number' ? value >>> 0 : null;
}

/** What the library's messages mean, where they speak of its insides. */
const LIBRARY_WORDS: readonly (readonly [RegExp, string])[] = [
  [/in waiting for data on socket|failed to decode/i, 'the connection ended in the handshake; is it an OPC UA port?'],
  [/disconnected by third party|ended by server/i, 'the server closed the connection'],
  [/connection.?break/i, 'the connection broke'],
  [/premature disconnection|No SecureChannel|Invalid Channel|being closed/i, 'the connection was closed'],
];

/** A status of the server by its standard name, or the first line of what went wrong. */
export function reasonOf(error: unknown): string {
  const status = serviceStatusOf(error);
  if (status !== null && status !== 0) return statusName(status);
  const text = messageOf(error);
  const standard = /\bBad_?([A-Z][A-Za-z]+)/.exec(text);
  if (standard !== null) return `Bad_${standard[1]}`;
  const system = /connect E[A-Z]+ [^\s)]+|\bE(?:CONN|HOST|NET|TIMED|NOTFOUND|PIPE|AI_)[A-Z]+\b[^\n)]*/.exec(text);
  if (system !== null) return system[0].trim();
  for (const [pattern, words] of LIBRARY_WORDS) if (pattern.test(text)) return words;
  const inner = /Err = \((.*)\)/s.exec(text)?.[1] ?? text;
  return inner.replace(/\s+/g, ' ').trim().slice(0, 200);
}

const CLIENT_CERTIFICATE_STATUSES = new Set([
  'Bad_SecurityChecksFailed',
  'Bad_CertificateUntrusted',
  'Bad_CertificateInvalid',
  'Bad_CertificateUriInvalid',
  'Bad_CertificateUseNotAllowed',
  'Bad_CertificateTimeInvalid',
  'Bad_CertificateChainIncomplete',
  'Bad_CertificateRevocationUnknown',
  'Bad_CertificatePolicyCheckFailed',
]);

const SIGN_IN_STATUSES = new Set([
  'Bad_UserAccessDenied',
  'Bad_IdentityTokenInvalid',
  'Bad_IdentityTokenRejected',
  'Bad_UserSignatureInvalid',
  'Bad_NoValidCertificates',
]);

export interface ConnectPlace {
  readonly endpoint: string;
  readonly user: string;
  /** The file of our own certificate. */
  readonly certificate: string;
}

/** What an error in one of the steps of connecting means for the operator. */
export function connectError(error: unknown, place: ConnectPlace): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const { endpoint, user, certificate } = place;
  const reason = reasonOf(error);
  if (CLIENT_CERTIFICATE_STATUSES.has(reason)) {
    return new HeadgateError('OPCUA_CLIENT_UNTRUSTED', { endpoint, certificate, status: reason }, error);
  }
  if (SIGN_IN_STATUSES.has(reason) || /user token policy/.test(reason)) {
    return new HeadgateError('OPCUA_SIGN_IN_REFUSED', { endpoint, user, status: reason }, error);
  }
  return new HeadgateError('OPCUA_CONNECT_FAILED', { endpoint, reason }, error);
}
