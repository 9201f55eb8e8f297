import { type BrokerConfig, brokerConfigSchema, checkBroker } from './broker/config.ts';
import type { ComponentSpecs } from './config/component-spec.ts';
import { modbusSpecs } from './drivers/modbus/spec.ts';
import { opcuaSpec } from './drivers/opcua/spec.ts';
import { journalConfigSchema } from './journal/config.ts';
import { pipelineConfigSchema } from './pipeline/config.ts';
import { type CommandsConfig, checkCommands, commandsConfigSchema } from './runtime/commands/config.ts';
import { SERVICE_SPECS } from './services/registry.ts';
import { sinkSpecs } from './sinks/registry.ts';

/** All that configuration knows of what this build has. Light: no protocol library and no database is loaded for it. */
export const componentSpecs: ComponentSpecs = {
  drivers: [...modbusSpecs, opcuaSpec],
  sinks: sinkSpecs,
  services: SERVICE_SPECS,
  sections: [
    { key: 'journal', schema: journalConfigSchema, check: () => [] },
    { key: 'broker', schema: brokerConfigSchema, check: (config) => checkBroker(config as BrokerConfig) },
    { key: 'pipeline', schema: pipelineConfigSchema, check: () => [] },
    { key: 'commands', schema: commandsConfigSchema, check: (config) => checkCommands(config as CommandsConfig) },
  ],
};
