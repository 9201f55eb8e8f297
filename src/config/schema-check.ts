import { proposeSegment } from '../model/asset.ts';
import { describeSchema, isSegmentPattern } from './describe-schema.ts';
import { nearest } from './nearest.ts';
import { choicesOf, type SchemaNode } from './schema-node.ts';
import { isSecretKey, showValue } from './show-value.ts';

/** Keys and list positions from the root to a value. */
export type ValuePath = readonly (string | number)[];

/** One way in which a value breaks its schema. */
export interface SchemaIssue {
  /** `unknown-key` and `missing-key` name the key as the last step of the path. */
  readonly kind: 'unknown-key' | 'missing-key' | 'invalid';
  readonly path: ValuePath;
  readonly found: string;
  readonly expected: string;
  readonly suggestion?: string;
}

/** The value with every default filled in (a copy), and all that is wrong with it. */
export interface SchemaCheck {
  readonly value: unknown;
  readonly issues: readonly SchemaIssue[];
}

/**
 * Check a value against a schema of schema-node.ts and fill in its defaults, in one pass. Its own check instead of TypeBox's, for
 * the sake of the operator: every issue has a place and says what would be right, a choice by kind is judged by that kind, and
 * `headgate validate` starts without the validator's 70 ms. A property test holds it to TypeBox's verdict.
 */
export function checkSchema(node: SchemaNode, value: unknown, path: ValuePath = []): SchemaCheck {
  const issues: SchemaIssue[] = [];
  return { value: visit(node, value, path, issues), issues };
}

function visit(node: SchemaNode, value: unknown, path: ValuePath, issues: SchemaIssue[]): unknown {
  const choices = choicesOf(node);
  if (choices !== null) return visitChoice(node, choices, value, path, issues);
  if (node.anyOf !== undefined) return visitUnion(node, node.anyOf, value, path, issues);
  if (node.type === 'object') return visitObject(node, value, path, issues);
  if (node.type === 'array') return visitArray(node, value, path, issues);
  if (!fitsScalar(node, value)) issues.push(invalid(node, value, path));
  return value;
}

function visitChoice(
  node: SchemaNode,
  choices: readonly unknown[],
  value: unknown,
  path: ValuePath,
  issues: SchemaIssue[],
): unknown {
  if (choices.includes(value)) return value;
  const near = typeof value === 'string' && !isSecretKey(lastKey(path)) ? nearest(value, choices.map(String)) : null;
  issues.push({ ...invalid(node, value, path), ...(near === null ? {} : { suggestion: near }) });
  return value;
}

/** The branch that fits; else the issues of the branch that was probably meant: of the value's kind, with the fewest issues. */
function visitUnion(
  node: SchemaNode,
  branches: readonly SchemaNode[],
  value: unknown,
  path: ValuePath,
  issues: SchemaIssue[],
): unknown {
  let best: SchemaCheck | null = null;
  for (const branch of branches) {
    const check = checkSchema(branch, value, path);
    if (check.issues.length === 0) return check.value;
    if (hasKindOf(branch, value) && (best === null || weight(check, path) < weight(best, path))) best = check;
  }
  if (best === null || !(isMapping(value) || Array.isArray(value))) {
    issues.push(invalid(node, value, path));
    return value;
  }
  issues.push(...best.issues);
  return best.value;
}

/** A wrong discriminator (a const one level below) weighs more than anything else. */
function weight(check: SchemaCheck, path: ValuePath): number {
  const wrongKind = check.issues.some(
    (issue) => issue.path.length === path.length + 1 && issue.kind === 'invalid' && !issue.expected.includes(' '),
  );
  return check.issues.length + (wrongKind ? 1000 : 0);
}

function visitObject(node: SchemaNode, value: unknown, path: ValuePath, issues: SchemaIssue[]): unknown {
  if (!isMapping(value)) {
    issues.push(invalid(node, value, path));
    return value;
  }
  const properties = node.properties ?? {};
  const patterns = Object.entries(node.patternProperties ?? {}).map(
    ([text, of]) => [new RegExp(text, 'u'), of] as const,
  );
  const result: Record<string, unknown> = {};
  const put = (key: string, of: unknown) => {
    Object.defineProperty(result, key, { value: of, enumerable: true, writable: true, configurable: true });
  };
  for (const [key, own] of Object.entries(value)) {
    const at = [...path, key];
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
    // A key with nothing behind it, its lines commented out, is a key left out.
    if (own === null && property !== undefined && !acceptsNull(property)) continue;
    const matching = patterns.filter(([pattern]) => pattern.test(key));
    if (property !== undefined) put(key, visit(property, own, at, issues));
    else if (matching.length > 0) for (const [, of] of matching) put(key, visit(of, own, at, issues));
    else if (typeof node.additionalProperties === 'object') put(key, visit(node.additionalProperties, own, at, issues));
    else if (node.additionalProperties === false) issues.push(unknownKey(node, key, value, at));
    else put(key, own);
  }
  for (const [key, property] of Object.entries(properties)) {
    if (Object.hasOwn(value, key) && (value[key] !== null || acceptsNull(property))) continue;
    if (property.default !== undefined)
      put(key, visit(property, structuredClone(property.default), [...path, key], []));
    else if (node.required?.includes(key) === true) {
      issues.push({
        kind: 'missing-key',
        path: [...path, key],
        found: 'nothing',
        expected: `${key}: ${describeSchema(property)}`,
      });
    }
  }
  const size = Object.keys(value).length;
  if (size < (node.minProperties ?? 0) || size > (node.maxProperties ?? Number.POSITIVE_INFINITY)) {
    const expected =
      size < (node.minProperties ?? 0)
        ? `at least ${node.minProperties} entries`
        : `at most ${node.maxProperties} entries`;
    issues.push({ kind: 'invalid', path, found: `${size} entries`, expected });
  }
  return result;
}

function visitArray(node: SchemaNode, value: unknown, path: ValuePath, issues: SchemaIssue[]): unknown {
  if (!Array.isArray(value)) {
    issues.push(invalid(node, value, path));
    return value;
  }
  const least = node.minItems ?? 0;
  const most = node.maxItems ?? Number.POSITIVE_INFINITY;
  if (value.length < least || value.length > most) {
    const expected = value.length < least ? `at least ${least} entries` : `at most ${most} entries`;
    issues.push({ kind: 'invalid', path, found: `${value.length} entries`, expected });
  }
  if (node.uniqueItems === true) {
    const seen = new Set<string>();
    value.forEach((item: unknown, index) => {
      const text = JSON.stringify(item);
      if (seen.has(text)) {
        issues.push({
          kind: 'invalid',
          path: [...path, index],
          found: `${showValue(item, lastKey(path))} again`,
          expected: 'each entry once',
        });
      }
      seen.add(text);
    });
  }
  const { items } = node;
  return items === undefined
    ? value
    : value.map((item: unknown, index) => visit(items, item, [...path, index], issues));
}

function fitsScalar(node: SchemaNode, value: unknown): boolean {
  switch (node.type) {
    case 'string':
      return (
        typeof value === 'string' &&
        value.length >= (node.minLength ?? 0) &&
        value.length <= (node.maxLength ?? Number.POSITIVE_INFINITY) &&
        (node.pattern === undefined || new RegExp(node.pattern, 'u').test(value))
      );
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value) && fitsRange(node, value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && fitsRange(node, value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'null':
      return value === null;
    default:
      return true;
  }
}

function fitsRange(node: SchemaNode, value: number): boolean {
  return (
    value >= (node.minimum ?? Number.NEGATIVE_INFINITY) &&
    value <= (node.maximum ?? Number.POSITIVE_INFINITY) &&
    value > (node.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
    value < (node.exclusiveMaximum ?? Number.POSITIVE_INFINITY) &&
    (node.multipleOf === undefined || value % node.multipleOf === 0)
  );
}

function invalid(node: SchemaNode, value: unknown, path: ValuePath): SchemaIssue {
  const expected = describeSchema(node);
  const quoted =
    typeof value === 'string' && value.trim() !== '' && (node.type === 'number' || node.type === 'integer');
  const unquoted = typeof value === 'number' && node.type === 'string';
  const isName =
    isSegmentPattern(node.pattern) && typeof value === 'string' && value !== '' && !isSecretKey(lastKey(path));
  return {
    kind: 'invalid',
    path,
    ...(isName ? { suggestion: proposeSegment(value) } : {}),
    found: showValue(value, lastKey(path)),
    expected: `${expected}${quoted ? ' (without quotes)' : unquoted ? ' (numbers that are text need quotes)' : ''}`,
  };
}

function unknownKey(
  node: SchemaNode,
  key: string,
  value: Readonly<Record<string, unknown>>,
  path: ValuePath,
): SchemaIssue {
  const known = Object.keys(node.properties ?? {});
  const near = nearest(
    key,
    known.filter((name) => !Object.hasOwn(value, name)),
  );
  return {
    kind: 'unknown-key',
    path,
    found: `the key ${JSON.stringify(key)}`,
    expected: known.length === 0 ? 'no keys here' : `one of the keys ${known.join(', ')}`,
    ...(near === null ? {} : { suggestion: near }),
  };
}

function acceptsNull(node: SchemaNode): boolean {
  return (
    choicesOf(node)?.includes(null) ?? (node.anyOf?.some(acceptsNull) === true || (node.type ?? 'null') === 'null')
  );
}

function hasKindOf(node: SchemaNode, value: unknown): boolean {
  if (node.anyOf !== undefined) return node.anyOf.some((branch) => hasKindOf(branch, value));
  if (node.type === 'object') return isMapping(value);
  if (node.type === 'array') return Array.isArray(value);
  return !isMapping(value) && !Array.isArray(value);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The nearest key above a value: what a list or a secret is called. */
function lastKey(path: ValuePath): string {
  return String(path.findLast((step) => typeof step === 'string') ?? '');
}
