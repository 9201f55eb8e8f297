import { isAbsolute } from 'node:path';
import Type, { type Static } from 'typebox';
import type { ComponentSpec, ValueProblem } from '../../config/component-spec.ts';
import { isSegment } from '../../model/asset.ts';

const ModuleSchema = Type.Object(
  {
    name: Type.String({
      description: 'Name of the service: letters, digits, _ and -, unique in the gateway.',
      examples: ['part-counter'],
    }),
    module: Type.String({
      description: 'Absolute path of the JavaScript module whose default export is the service.',
      examples: ['/etc/headgate/services/part-counter.js'],
    }),
    isolation: Type.Optional(
      Type.Union([Type.Literal('own'), Type.Literal('shared')], {
        description:
          'own: a worker thread for itself; shared: with other light services, which saves some 15 MB of memory.',
        default: 'own',
      }),
    ),
    config: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        default: {},
        description: "The service's own configuration; its configSchema decides what is right when it is loaded.",
      }),
    ),
  },
  { additionalProperties: false },
);

/** Configuration of `custom`: services that users wrote. */
const CustomServicesSchema = Type.Object(
  {
    modules: Type.Array(ModuleSchema, {
      maxItems: 50,
      description: 'Services from files.',
    }),
  },
  { additionalProperties: false },
);
export type CustomServicesConfig = Static<typeof CustomServicesSchema>;

/** Services that users wrote, as configuration knows them. */
export const CUSTOM_SPEC: ComponentSpec = {
  kind: 'custom',
  summary: 'Services of your own, loaded from files.',
  schema: CustomServicesSchema,
  check: (config) => {
    const { modules } = config as CustomServicesConfig;
    const problems: ValueProblem[] = [];
    for (const [i, { name, module }] of modules.entries()) {
      if (!isSegment(name)) {
        problems.push({ field: `modules.${i}.name`, found: name, expected: '1 to 64 letters, digits, _ or -' });
      }
      if (modules.findIndex((other) => other.name === name) < i) {
        problems.push({ field: `modules.${i}.name`, found: name, expected: 'a name that no other service has' });
      }
      if (!isAbsolute(module)) {
        problems.push({ field: `modules.${i}.module`, found: module, expected: 'an absolute path' });
      }
    }
    return problems;
  },
};
