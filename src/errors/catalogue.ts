import { BROKER_ERRORS } from './broker.table.ts';
import { CLI_ERRORS } from './cli.table.ts';
import { COMMAND_ERRORS } from './command.table.ts';
import { CONFIG_ERRORS } from './config.table.ts';
import type { ErrorEntry } from './error-entry.ts';
import { JOURNAL_ERRORS } from './journal.table.ts';
import { MODBUS_ERRORS } from './modbus.table.ts';
import { OPCUA_ERRORS } from './opcua.table.ts';
import { PIPELINE_ERRORS } from './pipeline.table.ts';
import { RUNTIME_ERRORS } from './runtime.table.ts';
import { SERVICES_ERRORS } from './services.table.ts';
import { SIMULATE_ERRORS } from './simulate.table.ts';
import { SINKS_ERRORS } from './sinks.table.ts';
import { SYSTEM_ERRORS } from './system.table.ts';

/** Every error code of Headgate, with meaning and operator action. */
export const ERROR_CATALOGUE = {
  ...BROKER_ERRORS,
  ...CLI_ERRORS,
  ...COMMAND_ERRORS,
  ...CONFIG_ERRORS,
  ...JOURNAL_ERRORS,
  ...MODBUS_ERRORS,
  ...OPCUA_ERRORS,
  ...PIPELINE_ERRORS,
  ...RUNTIME_ERRORS,
  ...SERVICES_ERRORS,
  ...SIMULATE_ERRORS,
  ...SINKS_ERRORS,
  ...SYSTEM_ERRORS,
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
