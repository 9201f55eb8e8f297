import { isAbsolute } from 'node:path';
import type { ComponentSpec, ComponentSpecs } from './component-spec.ts';
import type { ServiceConfiguration, SinkConfiguration } from './configuration.ts';
import type { FileProblems } from './file-problems.ts';
import { type GatewayConfig, gatewaySchema } from './gateway-schema.ts';
import { nearest } from './nearest.ts';
import { defaultDataDirectory } from './paths.ts';
import { checkSchema, type ValuePath } from './schema-check.ts';
import { schemaNodeOf } from './schema-node.ts';
import { showValue } from './show-value.ts';

/** What gateway.yaml says; only meaningful when no error was found. */
export interface GatewayFile {
  readonly gateway: GatewayConfig;
  readonly sinks: readonly SinkConfiguration[];
  readonly services: readonly ServiceConfiguration[];
}

type Mapping = Readonly<Record<string, unknown>>;

/** Check gateway.yaml: its own keys, the sections of components, every sink by its kind and every service by its name. */
export function checkGateway(
  value: unknown,
  specs: ComponentSpecs,
  problems: FileProblems,
  environment: Readonly<NodeJS.ProcessEnv>,
): GatewayFile {
  const { value: checked, issues } = checkSchema(schemaNodeOf(gatewaySchema), value);
  problems.addIssues(issues);
  const whole = isMapping(checked) ? checked : {};
  const sections: Record<string, unknown> = {};
  for (const section of specs.sections) {
    sections[section.key] = checkPart(section, whole[section.key] ?? {}, [section.key], problems);
  }
  checkAbsolute(whole, problems);
  const gateway = isMapping(whole['gateway']) ? whole['gateway'] : {};
  const { sinks, services, ...own } = whole;
  return {
    gateway: {
      ...own,
      ...sections,
      gateway: { ...gateway, data_dir: gateway['data_dir'] ?? defaultDataDirectory(environment) },
    } as unknown as GatewayConfig,
    sinks: checkSinks(sinks, specs.sinks, problems),
    services: checkServices(services, specs.services, problems),
  };
}

/** A daemon runs in `/`: a path that depends on where it was started is a mistake. */
function checkAbsolute(whole: Mapping, problems: FileProblems): void {
  const gateway = whole['gateway'];
  if (!isMapping(gateway)) return;
  for (const key of ['data_dir', 'socket']) {
    const path = gateway[key];
    if (typeof path !== 'string' || isAbsolute(path)) continue;
    problems.add(['gateway', key], 'value', {
      severity: 'error',
      code: 'CONFIG_INVALID_VALUE',
      found: showValue(path),
      expected: 'an absolute path, such as /var/lib/headgate',
    });
  }
}

function checkSinks(value: unknown, specs: readonly ComponentSpec[], problems: FileProblems): SinkConfiguration[] {
  const sinks: SinkConfiguration[] = [];
  if (!isMapping(value)) return sinks;
  const kinds = specs.map((spec) => spec.kind);
  for (const [name, sink] of Object.entries(value)) {
    const path = ['sinks', name];
    const entry = enabledPart(sink, path, problems);
    if (entry === null) continue;
    const { kind } = entry.config;
    const spec = specs.find((known) => known.kind === kind);
    if (spec === undefined) {
      addUnknown(problems, kind === undefined ? path : [...path, 'kind'], 'kind of sink', kind, kinds);
      continue;
    }
    const config = checkPart(spec, sinkEntry(spec, name, entry), path, problems);
    if (entry.isEnabled) sinks.push({ name, kind: spec.kind, config });
  }
  return sinks;
}

function checkServices(
  value: unknown,
  specs: readonly ComponentSpec[],
  problems: FileProblems,
): ServiceConfiguration[] {
  const services: ServiceConfiguration[] = [];
  if (!isMapping(value)) return services;
  for (const [name, service] of Object.entries(value)) {
    const path = ['services', name];
    const spec = specs.find((known) => known.kind === name);
    if (spec === undefined) {
      const names = specs.map((known) => known.kind);
      const near = nearest(name, names);
      problems.add(path, 'key', {
        severity: 'error',
        code: 'CONFIG_UNKNOWN_REFERENCE',
        found: `the service ${JSON.stringify(name)}`,
        expected: `one of the services ${names.join(', ')}`,
        ...(near === null ? {} : { suggestion: near }),
      });
      continue;
    }
    // `health:` with nothing behind it switches the service on with its defaults.
    const entry = enabledPart(service ?? {}, path, problems);
    if (entry === null) continue;
    const before = problems.problems.length;
    const config = checkPart(spec, entry.config, path, problems);
    if (entry.isEnabled && problems.problems.length === before) services.push({ name, config });
  }
  return services;
}

interface Entry {
  readonly isEnabled: boolean;
  readonly config: Mapping;
}

/** `enabled` belongs to the entry, whatever its kind; the rest is its kind's. */
function enabledPart(value: unknown, path: ValuePath, problems: FileProblems): Entry | null {
  if (!isMapping(value)) {
    problems.add(path, 'value', {
      severity: 'error',
      code: 'CONFIG_INVALID_VALUE',
      found: showValue(value, String(path.at(-1))),
      expected: 'a mapping',
    });
    return null;
  }
  const { enabled = true, ...config } = value;
  if (typeof enabled !== 'boolean') {
    problems.addIssues([
      { kind: 'invalid', path: [...path, 'enabled'], found: showValue(enabled), expected: 'true or false' },
    ]);
  }
  return { isEnabled: enabled !== false, config };
}

/** Against a part's schema, then, if that holds, its own rules. */
function checkPart(
  spec: Pick<ComponentSpec, 'schema' | 'check'>,
  value: unknown,
  path: ValuePath,
  problems: FileProblems,
): unknown {
  const { value: config, issues } = checkSchema(schemaNodeOf(spec.schema), value, path);
  problems.addIssues(issues);
  if (issues.length === 0) problems.addValueProblems(spec.check(config), path);
  return config;
}

/** A kind's schema may or may not repeat what the entry says: its name (the key it stands under), its kind, whether it is enabled. */
function sinkEntry(spec: ComponentSpec, name: string, entry: Entry): Mapping {
  const { kind, ...rest } = entry.config;
  const repeated = { name, kind, enabled: entry.isEnabled };
  const wanted = Object.entries(repeated).filter(([key]) => Object.hasOwn(spec.schema.properties, key));
  return { ...rest, ...Object.fromEntries(wanted) };
}

/** A choice by kind that names none, or one that this build does not have. */
export function addUnknown(
  problems: FileProblems,
  path: ValuePath,
  what: string,
  found: unknown,
  known: readonly string[],
): void {
  const near = typeof found === 'string' ? nearest(found, known) : null;
  problems.add(path, 'value', {
    severity: 'error',
    code: found === undefined ? 'CONFIG_MISSING_KEY' : 'CONFIG_UNKNOWN_REFERENCE',
    found: found === undefined ? `no ${what}` : showValue(found),
    expected: `a ${what}: one of ${known.join(', ')}`,
    ...(near === null ? {} : { suggestion: near }),
  });
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
