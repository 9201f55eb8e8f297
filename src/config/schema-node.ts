import type { TSchema } from 'typebox';

/** The part of JSON Schema that configuration schemas use; TypeBox values are of this shape. */
export interface SchemaNode {
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array' | 'null';
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaNode;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: SchemaNode;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: unknown;
}

/** The keywords that the check knows; a schema with any other would be checked less than it says. */
export const SCHEMA_KEYWORDS: ReadonlySet<string> = new Set([
  'type',
  'const',
  'enum',
  'anyOf',
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'minProperties',
  'maxProperties',
  'items',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minLength',
  'maxLength',
  'pattern',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'title',
  'description',
  'default',
  'examples',
]);

/** A TypeBox value as what it is at run time: plain JSON Schema. */
export function schemaNodeOf(schema: TSchema): SchemaNode {
  return schema as SchemaNode;
}

/** The values that a choice allows, or null if the node is no choice of values. */
export function choicesOf(node: SchemaNode): readonly unknown[] | null {
  if (node.const !== undefined) return [node.const];
  if (node.enum !== undefined) return node.enum;
  if (node.anyOf === undefined) return null;
  const choices: unknown[] = [];
  for (const branch of node.anyOf) {
    const of = choicesOf(branch);
    if (of === null) return null;
    choices.push(...of);
  }
  return choices;
}
