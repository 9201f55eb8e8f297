import { componentSpecs } from '../../src/component-specs.ts';
import { ERROR_CATALOGUE } from '../../src/errors/catalogue.ts';
import { INTERNAL_EVENTS } from '../../src/observe/internal-events.ts';
import { renderErrors } from './error-page.ts';
import { renderEvents } from './event-page.ts';
import { deviceFileSchema, gatewayFileSchema, profileFileSchema } from './json-schema.ts';
import { renderReference } from './reference-page.ts';

/** Every generated file with its content, by path in the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['config/schema/gateway.schema.json', json(gatewayFileSchema(componentSpecs))],
    ['config/schema/device.schema.json', json(deviceFileSchema(componentSpecs))],
    ['config/schema/profile.schema.json', json(profileFileSchema())],
    ['config/reference.md', renderReference(componentSpecs)],
    ['config/errors.md', renderErrors(ERROR_CATALOGUE)],
    ['config/internal-events.md', renderEvents(INTERNAL_EVENTS)],
  ]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
