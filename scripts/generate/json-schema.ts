import type { ComponentSpec, ComponentSpecs } from '../../src/config/component-spec.ts';
import { gatewaySchema } from '../../src/config/gateway-schema.ts';
import { profileSchema } from '../../src/config/profile-schema.ts';
import { type SchemaNode, schemaNodeOf } from '../../src/config/schema-node.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const SCHEMAS = 'https://headgate.dev/schema';
const ENABLED: SchemaNode = { type: 'boolean', default: true, description: 'false: configured, but not running.' };

/** gateway.yaml as a whole, for editors: the gateway's own keys with the schemas of all components in their places. */
export function gatewayFileSchema(specs: ComponentSpecs): object {
  const own = schemaNodeOf(gatewaySchema);
  const sections = Object.fromEntries(specs.sections.map(({ key, schema }) => [key, schemaNodeOf(schema)]));
  const properties = {
    ...own.properties,
    ...sections,
    sinks: {
      ...own.properties?.['sinks'],
      patternProperties: { '^[A-Za-z0-9_-]{1,64}$': { anyOf: specs.sinks.map(sinkEntrySchema) } },
      additionalProperties: false,
    },
    services: {
      type: 'object',
      description: own.properties?.['services']?.description,
      properties: Object.fromEntries(specs.services.map((spec) => [spec.kind, withEnabled(schemaNodeOf(spec.schema))])),
      additionalProperties: false,
      default: {},
    },
  };
  return plain({ $schema: DRAFT, $id: `${SCHEMAS}/gateway.schema.json`, title: 'gateway.yaml', ...own, properties });
}

/** A file of devices/: one device, or a list of them. */
export function deviceFileSchema(specs: ComponentSpecs): object {
  const device = { anyOf: specs.drivers.map(({ schema }) => schemaNodeOf(schema)) };
  return plain({
    $schema: DRAFT,
    $id: `${SCHEMAS}/device.schema.json`,
    title: 'devices/*.yaml',
    $defs: { device },
    anyOf: [{ $ref: '#/$defs/device' }, { type: 'array', items: { $ref: '#/$defs/device' } }],
  });
}

/** A file of profiles/. */
export function profileFileSchema(): object {
  return plain({
    $schema: DRAFT,
    $id: `${SCHEMAS}/profile.schema.json`,
    title: 'profiles/*.yaml',
    ...schemaNodeOf(profileSchema),
  });
}

/** A sink as it is written: its name is the key above it. */
export function sinkEntrySchema(spec: ComponentSpec): SchemaNode {
  const { name: _name, ...properties } = schemaNodeOf(spec.schema).properties ?? {};
  const kind: SchemaNode = properties['kind'] ?? { const: spec.kind, description: spec.summary };
  const required = (schemaNodeOf(spec.schema).required ?? []).filter((key) => key !== 'name' && key !== 'kind');
  return withEnabled({
    ...schemaNodeOf(spec.schema),
    properties: { kind, ...properties },
    required: ['kind', ...required],
  });
}

function withEnabled(node: SchemaNode): SchemaNode {
  return { ...node, properties: { enabled: ENABLED, ...node.properties } };
}

/** Without what TypeBox keeps for itself. */
function plain(value: object): object {
  return JSON.parse(JSON.stringify(value));
}
