import type { ComponentSpec, ValueProblem } from '../../config/component-spec.ts';
import { checkSharing } from '../sharing-config.ts';
import { type MqttSinkConfig, mqttSinkSchema } from './config.ts';

/** What configuration knows of MQTT sinks. */
export const mqttSinkSpec: ComponentSpec = {
  kind: 'mqtt',
  summary: 'Events to an MQTT broker, in batches or one by one',
  schema: mqttSinkSchema,
  check: (config) => checkMqttSink(config as MqttSinkConfig),
};

function checkMqttSink(config: MqttSinkConfig): readonly ValueProblem[] {
  const problems: ValueProblem[] = [...checkSharing(config)];
  const add = (field: string, found: string, expected: string) => problems.push({ field, found, expected });
  if (!URL.canParse(config.url)) add('url', config.url, 'an address such as mqtts://broker.example.com:8883');
  if (config.tls !== undefined && !config.url.startsWith('mqtts://')) {
    add('tls', 'TLS settings', `no tls settings for ${config.url}, or a url that starts with mqtts://`);
  }
  if (config.password !== undefined && config.username === undefined) {
    add('username', 'no user name beside a password', 'a username: MQTT 3.1.1 takes no password without one');
  }
  const { cert, key } = config.tls ?? {};
  if ((cert === undefined) !== (key === undefined)) {
    add(`tls.${cert === undefined ? 'cert' : 'key'}`, 'missing', 'a client certificate and its key, both or neither');
  }
  const { min_ms = 500, max_ms = 30_000 } = config.reconnect ?? {};
  if (min_ms > max_ms) add('reconnect.min_ms', String(min_ms), `at most reconnect.max_ms (${max_ms})`);
  return problems;
}
