import { isSegment, proposeSegment } from '../model/asset.ts';
import { addUnknown } from './check-gateway.ts';
import type { ComponentSpecs, DriverSpec } from './component-spec.ts';
import type { DeviceConfiguration } from './configuration.ts';
import type { FileProblems } from './file-problems.ts';
import { checkSchema, type ValuePath } from './schema-check.ts';
import { schemaNodeOf } from './schema-node.ts';
import { showValue } from './show-value.ts';

/** A device as far as its file could be understood. */
export interface CheckedDevice {
  readonly name: string;
  /** Null when its file has errors: its tags are then checked as far as they go without it. */
  readonly device: DeviceConfiguration | null;
  readonly spec: DriverSpec | null;
  /** `devices/press.yaml:3`. */
  readonly place: string;
}

/** Group names add a period and a lane to the device's name and must stay topic segments. */
const MAX_DEVICE_NAME = 40;

/** Check one device file: one device, or a list of them. */
export function checkDeviceFile(value: unknown, specs: ComponentSpecs, problems: FileProblems): CheckedDevice[] {
  if (!Array.isArray(value)) return checkDevice(value, [], specs, problems);
  return value.flatMap((entry: unknown, index) => checkDevice(entry, [index], specs, problems));
}

function checkDevice(value: unknown, path: ValuePath, specs: ComponentSpecs, problems: FileProblems): CheckedDevice[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.add(path, 'value', {
      severity: 'error',
      code: 'CONFIG_INVALID_VALUE',
      found: showValue(value),
      expected: 'a device: a mapping with name, driver and the keys of that driver',
    });
    return [];
  }
  const before = problems.problems.length;
  const { name, driver }: { name?: unknown; driver?: unknown } = value;
  const place = `${problems.file}:${problems.yaml.locate([...path, 'name'], 'key').line}`;
  checkName(name, path, problems);
  const spec = specs.drivers.find((known) => known.kind === driver) ?? null;
  let config: unknown = value;
  if (spec === null) {
    const kinds = specs.drivers.map((known) => known.kind);
    addUnknown(problems, driver === undefined ? path : [...path, 'driver'], 'driver', driver, kinds);
  } else {
    const checked = checkSchema(schemaNodeOf(spec.schema), value, path);
    // The name is judged above, with a proposal.
    problems.addIssues(
      checked.issues.filter((issue) => issue.path.length !== path.length + 1 || issue.path.at(-1) !== 'name'),
    );
    config = checked.value;
    if (problems.problems.length === before) problems.addValueProblems(spec.checkDevice(config), path);
  }
  if (typeof name !== 'string') return [];
  const isSound = problems.problems.length === before;
  const device = isSound && spec !== null ? { name, driver: spec.kind, config, file: problems.file } : null;
  return [{ name, device, spec, place }];
}

function checkName(name: unknown, path: ValuePath, problems: FileProblems): void {
  const at = [...path, 'name'];
  const expected = `1 to ${MAX_DEVICE_NAME} of letters, digits, "_" and "-", not beginning with "_"`;
  if (name === undefined || name === null) {
    problems.addIssues([{ kind: 'missing-key', path: at, found: 'nothing', expected: `name: ${expected}` }]);
    return;
  }
  if (typeof name === 'string' && isSegment(name) && name.length <= MAX_DEVICE_NAME && !name.startsWith('_')) return;
  const isText = typeof name === 'string' || typeof name === 'number';
  problems.addIssues([
    {
      kind: 'invalid',
      path: at,
      found: showValue(name),
      expected: typeof name === 'number' ? `${expected}, in quotes` : expected,
      ...(isText ? { suggestion: proposeSegment(String(name)).slice(0, MAX_DEVICE_NAME) } : {}),
    },
  ]);
}

/** Devices on one connection whose settings for it differ: the first one's count, and the operator should know; or one cannot work. */
export function compareConnections(
  devices: readonly CheckedDevice[],
  problemsOf: (file: string) => FileProblems | undefined,
): void {
  const first = new Map<string, { device: DeviceConfiguration; settings: Readonly<Record<string, unknown>> }>();
  for (const { device, spec } of devices) {
    const connection = device === null ? undefined : spec?.connection?.(device.config);
    if (device === null || connection === undefined) continue;
    const known = first.get(connection.key);
    if (known === undefined) {
      first.set(connection.key, { device, settings: connection.settings });
      continue;
    }
    for (const [key, value] of Object.entries(connection.settings)) {
      if (JSON.stringify(value) === JSON.stringify(known.settings[key])) continue;
      const isBinding = connection.binding?.includes(key) === true;
      problemsOf(device.file)?.add([key], 'value', {
        severity: isBinding ? 'error' : 'warning',
        code: 'CONFIG_CONTRADICTION',
        found: `${showValue(value, key)} for ${device.name}`,
        expected: `${showValue(known.settings[key], key)} as for ${known.device.name}, which shares the connection ${connection.key}`,
      });
      // Of another kind, the rest cannot be compared.
      if (isBinding && key === 'driver') break;
    }
  }
}
