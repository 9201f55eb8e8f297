import type { ComponentSpecs } from '../../src/config/component-spec.ts';
import { describeKind } from '../../src/config/describe-schema.ts';
import { gatewaySchema } from '../../src/config/gateway-schema.ts';
import { profileSchema } from '../../src/config/profile-schema.ts';
import { choicesOf, type SchemaNode, schemaNodeOf } from '../../src/config/schema-node.ts';
import { TAG_COLUMNS } from '../../src/config/tag-columns.table.ts';
import { sinkEntrySchema } from './json-schema.ts';
import { GENERATED, table } from './markdown.ts';

/** The reference page of every configuration key: type, default, example, description. */
export function renderReference(specs: ComponentSpecs): string {
  const own = schemaNodeOf(gatewaySchema).properties ?? {};
  const parts = [
    `${GENERATED}\n# Configuration reference`,
    'A configuration is a directory with `gateway.yaml`, `devices/*.yaml` and `tags/*.csv`. Unknown keys are errors. `headgate validate DIR` reports everything that is wrong with it.',
    '# gateway.yaml',
    ...(['gateway', 'log'] as const).map((key) => section(`## ${key}`, own[key], key)),
    ...specs.sections.map(({ key, schema }) => section(`## ${key}`, schemaNodeOf(schema), key)),
    `## sinks\n\n${own['sinks']?.description ?? ''}`,
    ...specs.sinks.map((spec) =>
      section(`### sinks: kind ${spec.kind}`, sinkEntrySchema(spec), 'sinks.<name>', spec.summary),
    ),
    `## services\n\n${own['services']?.description ?? ''} \`enabled: false\` keeps a service's settings without running it.`,
    ...specs.services.map((spec) =>
      section(`### services: ${spec.kind}`, schemaNodeOf(spec.schema), `services.${spec.kind}`, spec.summary),
    ),
    '# devices/*.yaml\n\nOne device in a file, or a list of them.',
    ...specs.drivers.map((spec) => section(`## driver ${spec.kind}`, schemaNodeOf(spec.schema), '', spec.summary)),
    `# tags/*.csv\n\n${TAG_TABLE_NOTES}\n\n${tagColumns()}`,
    section('# config/profiles/*.yaml', schemaNodeOf(profileSchema), '', PROFILE_NOTES),
  ];
  return `${parts.join('\n\n')}\n`;
}

const PROFILE_NOTES =
  'Registers of known devices, for `headgate device add NAME --profile …`; they come with Headgate and are no part of a configuration.';

const TAG_TABLE_NOTES = [
  'One tag in a row, in UTF-8, as spreadsheets write it: the delimiter may be `,`, `;` or a tab, any line end, cells in quotes where needed.',
  'The columns stand in any order; only `device`, `name`, `asset` and `address` are required. With `;` or tabs numbers may have a decimal comma.',
  'Blank rows, and rows that begin with `#`, are left out.',
].join(' ');

function tagColumns(): string {
  const rows = TAG_COLUMNS.map(({ name, required, fallback, expected, description }) => [
    `\`${name}\``,
    required ? 'required' : fallback,
    expected,
    description,
  ]);
  return table(['column', 'default', 'value', 'description'], rows);
}

function section(title: string, node: SchemaNode | undefined, prefix: string, summary?: string): string {
  if (node === undefined) return title;
  const rows = rowsOf(node, prefix);
  const text = [...new Set([summary, node.description])].filter((part) => part !== undefined).join(' ');
  return [
    title,
    text,
    rows.length === 0 ? 'No keys.' : table(['key', 'value', 'default', 'example', 'description'], rows),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** One row for every key, nested ones by their dotted path; `<name>` is chosen by the user, `[]` a list. */
function rowsOf(node: SchemaNode, prefix: string): string[][] {
  const rows: string[][] = [];
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    rows.push([
      `\`${path}\``,
      describeKind(child),
      node.required?.includes(key) === true ? 'required' : shown(child.default),
      shown(Array.isArray(child.examples) ? child.examples[0] : child.examples),
      child.description ?? '',
    ]);
    rows.push(...nestedRows(child, path));
  }
  return rows;
}

function nestedRows(node: SchemaNode, path: string): string[][] {
  if (choicesOf(node) !== null) return [];
  const open = [
    ...Object.values(node.patternProperties ?? {}),
    ...(typeof node.additionalProperties === 'object' ? [node.additionalProperties] : []),
  ];
  return [
    ...(node.type === 'object' ? rowsOf(node, path) : []),
    ...open.flatMap((child) => nestedRows(child, `${path}.<name>`)),
    ...(node.items === undefined ? [] : nestedRows(node.items, `${path}[]`)),
    ...(node.anyOf ?? []).flatMap((child) => nestedRows(child, path)),
  ];
}

function shown(value: unknown): string {
  return value === undefined ? '' : `\`${JSON.stringify(value)}\``;
}
