import { choicesOf, type SchemaNode } from './schema-node.ts';

/** What would be right for a schema, in words: `a whole number from 1 to 65535, such as 502`. */
export function describeSchema(node: SchemaNode): string {
  const example = exampleOf(node);
  return example === null ? describeKind(node) : `${describeKind(node)}, such as ${example}`;
}

/** The same without an example: `text of at most 64 characters`. */
export function describeKind(node: SchemaNode): string {
  const choices = choicesOf(node);
  if (choices !== null) return choices.length === 1 ? plain(choices[0]) : `one of ${choices.map(plain).join(', ')}`;
  if (node.anyOf !== undefined) return node.anyOf.map(describeKind).join(', or ');
  switch (node.type) {
    case 'integer':
      return `a whole number${range(node)}`;
    case 'number':
      return `a number${range(node)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return NAMED_PATTERNS[node.pattern ?? ''] ?? `text${lengths(node)}`;
    case 'array':
      return `a list${node.items === undefined ? '' : ` of ${describeKind(node.items)}`}`;
    case 'object':
      return `a mapping${keys(node)}`;
    case 'null':
      return 'nothing';
    default:
      return 'a value';
  }
}

function exampleOf(node: SchemaNode): string | null {
  if (choicesOf(node) !== null) return null;
  const [first] = Array.isArray(node.examples) ? node.examples : [];
  const example: unknown = first ?? node.default;
  if (example === undefined || example === '' || (typeof example === 'object' && example !== null)) return null;
  return String(example);
}

function plain(value: unknown): string {
  return String(value);
}

function range(node: SchemaNode): string {
  const above = node.exclusiveMinimum;
  const below = node.exclusiveMaximum;
  const parts = [
    node.minimum !== undefined && node.maximum !== undefined ? ` from ${node.minimum} to ${node.maximum}` : '',
    node.minimum !== undefined && node.maximum === undefined ? ` of at least ${node.minimum}` : '',
    node.minimum === undefined && node.maximum !== undefined ? ` of at most ${node.maximum}` : '',
    above === undefined ? '' : ` greater than ${above}`,
    below === undefined ? '' : ` less than ${below}`,
    node.multipleOf === undefined ? '' : `, a multiple of ${node.multipleOf}`,
  ];
  return parts.join('');
}

/** Patterns that have words of their own. */
const NAMED_PATTERNS: Readonly<Record<string, string>> = {
  '^[A-Za-z0-9_-]{1,64}$': '1 to 64 of letters, digits, "_" and "-"',
  '^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,15}$':
    'a path of 1 to 16 levels joined by "/", each 1 to 64 of letters, digits, "_" and "-"',
};

/** True for a pattern that `proposeSegment` mends. */
export function isSegmentPattern(pattern: string | undefined): boolean {
  return pattern === '^[A-Za-z0-9_-]{1,64}$';
}

function lengths(node: SchemaNode): string {
  const least = node.minLength ?? 0;
  const parts = [
    least > 1 && node.maxLength !== undefined ? ` of ${least} to ${node.maxLength} characters` : '',
    least > 1 && node.maxLength === undefined ? ` of at least ${least} characters` : '',
    least <= 1 && node.maxLength !== undefined ? ` of at most ${node.maxLength} characters` : '',
    node.pattern === undefined ? '' : ` matching ${node.pattern}`,
  ];
  return parts.join('');
}

function keys(node: SchemaNode): string {
  const names = Object.keys(node.properties ?? {});
  return names.length === 0 || names.length > 12 ? '' : ` with ${names.join(', ')}`;
}
