import type { SinkModule } from '../../ports/sink.ts';
import type { MqttSinkConfig } from './config.ts';

/** MQTT 3.1.1 or 5, QoS 1. The library loads with the first sink. */
export const mqttSink: SinkModule = {
  kind: 'mqtt',
  create: async (name, config, context) => {
    const { MqttSink } = await import('./sink.ts');
    return new MqttSink(name, config as MqttSinkConfig, context);
  },
};
