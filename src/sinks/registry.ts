import type { ComponentSpec } from '../config/component-spec.ts';
import type { SinkModule } from '../ports/sink.ts';
import { mqttSink } from './mqtt/module.ts';
import { mqttSinkSpec } from './mqtt/spec.ts';

/** What configuration knows of each kind of sink. */
export const sinkSpecs: readonly ComponentSpec[] = [mqttSinkSpec];

/** Every kind of sink that this build has. */
export const sinkModules: readonly SinkModule[] = [mqttSink];
