import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { generatedFiles } from '../../scripts/generate/generated-files.ts';
import { componentSpecs } from '../../src/component-specs.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { SCHEMA_KEYWORDS, type SchemaNode, schemaNodeOf } from '../../src/config/schema-node.ts';
import { ERROR_CATALOGUE } from '../../src/errors/catalogue.ts';

const root = join(import.meta.dirname, '../..');

for (const [path, content] of generatedFiles()) {
  t.test(`${path} is what the sources say`, async (t) => {
    t.equal(await readFile(join(root, path), 'utf8'), content, 'run "npm run generate"');
  });
}

t.test('the error page has every code of the catalogue, and no other', async (t) => {
  const page = await readFile(join(root, 'config/errors.md'), 'utf8');
  const codes = [...page.matchAll(/^## (.+)$/gm)].map(([, code]) => code);
  t.same(codes, Object.keys(ERROR_CATALOGUE).sort());
});

t.test('the example of "headgate init" is valid, without a warning', async (t) => {
  const { configuration, problems } = await loadConfiguration(join(root, 'config/example'), componentSpecs, {});
  t.same(problems, []);
  t.ok(configuration !== null && configuration.tags.length > 5);
});

t.test('every schema uses only keywords that the check knows, and describes every key', async (t) => {
  const schemas: readonly (readonly [string, SchemaNode])[] = [
    ...componentSpecs.sections.map(({ key, schema }) => [key, schemaNodeOf(schema)] as const),
    ...[...componentSpecs.drivers, ...componentSpecs.sinks, ...componentSpecs.services].map(
      ({ kind, schema }) => [kind, schemaNodeOf(schema)] as const,
    ),
  ];
  for (const [name, schema] of schemas) {
    t.same(
      [...keywordsOf(schema)].filter((keyword) => !SCHEMA_KEYWORDS.has(keyword)),
      [],
      `${name}: unknown keywords`,
    );
    t.same(undescribed(schema, name), [], `${name}: keys without a description`);
    t.equal(schema.additionalProperties, false, `${name}: unknown keys are errors`);
  }
});

function childrenOf(node: SchemaNode): SchemaNode[] {
  return [
    ...Object.values(node.properties ?? {}),
    ...Object.values(node.patternProperties ?? {}),
    ...(typeof node.additionalProperties === 'object' ? [node.additionalProperties] : []),
    ...(node.items === undefined ? [] : [node.items]),
    ...(node.anyOf ?? []),
  ];
}

function keywordsOf(node: SchemaNode): Set<string> {
  return new Set([...Object.keys(node), ...childrenOf(node).flatMap((child) => [...keywordsOf(child)])]);
}

function undescribed(node: SchemaNode, path: string): string[] {
  const own = Object.entries(node.properties ?? {})
    .filter(([, child]) => child.description === undefined)
    .map(([key]) => `${path}.${key}`);
  return [...own, ...childrenOf(node).flatMap((child, index) => undescribed(child, `${path}/${index}`))];
}
