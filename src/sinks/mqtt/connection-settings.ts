import { readFile } from 'node:fs/promises';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { SecretReference, SinkContext } from '../../ports/sink.ts';
import type { MqttSinkConfig } from './config.ts';

/** All that one connection needs, secrets read. Never logged. */
export interface ConnectionSettings {
  readonly sink: string;
  readonly url: string;
  readonly protocolVersion: 4 | 5;
  readonly clientId: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  readonly keepaliveS: number;
  readonly connectTimeoutMs: Millis;
  readonly ackTimeoutMs: Millis;
}

/**
 * Settings for the next connection; secrets and certificates are read anew, so that replaced ones count.
 * @throws SINK_SECRET_UNREADABLE
 */
export async function connectionSettings(
  sink: string,
  config: MqttSinkConfig,
  context: SinkContext,
): Promise<ConnectionSettings> {
  const read = async (shown: string, reading: Promise<string>): Promise<string> => {
    try {
      return await reading;
    } catch (cause) {
      throw new HeadgateError('SINK_SECRET_UNREADABLE', { sink, secret: shown, reason: messageOf(cause) }, cause);
    }
  };
  const secret = (reference: SecretReference) => {
    const text = 'file' in reference ? `file:${reference.file}` : `credential:${reference.credential}`;
    return read(text, context.readSecret(reference));
  };
  const { ca, cert, key, server_name, reject_unauthorized } = config.tls ?? {};
  return {
    sink,
    url: config.url,
    protocolVersion: config.protocol === '5' ? 5 : 4,
    clientId: config.client_id ?? `headgate-${context.gatewayName}-${sink}`,
    username: config.username ?? null,
    password: config.password === undefined ? null : await secret(config.password),
    tls: {
      ...(ca === undefined ? {} : { ca: await read(ca, readFile(ca, 'utf8')) }),
      ...(cert === undefined ? {} : { cert: await read(cert, readFile(cert, 'utf8')) }),
      ...(key === undefined ? {} : { key: await secret(key) }),
      ...(server_name === undefined ? {} : { servername: server_name }),
      rejectUnauthorized: reject_unauthorized ?? true,
    },
    keepaliveS: config.keepalive_s ?? 15,
    connectTimeoutMs: config.connect_timeout_ms ?? 10_000,
    ackTimeoutMs: config.ack_timeout_ms ?? 20_000,
  };
}
