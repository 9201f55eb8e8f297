import { BROKER_EVENTS } from './broker.events.ts';
import { CLI_EVENTS } from './cli.events.ts';
import { COMMAND_EVENTS } from './command.events.ts';
import { CONFIG_EVENTS } from './config.events.ts';
import type { InternalEventEntry } from './internal-event.ts';
import { JOURNAL_EVENTS } from './journal.events.ts';
import { MODBUS_EVENTS } from './modbus.events.ts';
import { OPCUA_EVENTS } from './opcua.events.ts';
import { PIPELINE_EVENTS } from './pipeline.events.ts';
import { RUNTIME_EVENTS } from './runtime.events.ts';
import { SERVICES_EVENTS } from './services.events.ts';
import { SIMULATE_EVENTS } from './simulate.events.ts';
import { SINKS_EVENTS } from './sinks.events.ts';
import { SYSTEM_EVENTS } from './system.events.ts';

/** Every internal event: its log line, level and counter. */
export const INTERNAL_EVENTS = {
  ...BROKER_EVENTS,
  ...CLI_EVENTS,
  ...COMMAND_EVENTS,
  ...CONFIG_EVENTS,
  ...JOURNAL_EVENTS,
  ...MODBUS_EVENTS,
  ...OPCUA_EVENTS,
  ...PIPELINE_EVENTS,
  ...RUNTIME_EVENTS,
  ...SERVICES_EVENTS,
  ...SIMULATE_EVENTS,
  ...SINKS_EVENTS,
  ...SYSTEM_EVENTS,
} as const satisfies Record<string, InternalEventEntry>;

export type InternalEventName = keyof typeof INTERNAL_EVENTS;
