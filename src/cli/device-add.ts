import { parse } from 'yaml';
import { componentSpecs } from '../component-specs.ts';
import { putDevice } from '../config/edit.ts';
import { nearest } from '../config/nearest.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { reportEdit } from './edit-report.ts';

export interface DeviceAddOptions {
  readonly driver: string;
  readonly host?: string;
  readonly port?: number;
  readonly unit?: number;
  readonly endpoint?: string;
  /** `key=value` or `key.sub=value`, the value in YAML. */
  readonly set?: readonly string[];
  readonly replace?: boolean;
}

/** `headgate device add NAME --driver KIND …`: write a device file, if it validates. */
export async function deviceAdd(context: CliContext, name: string, options: DeviceAddOptions): Promise<number> {
  const kinds = componentSpecs.drivers.map(({ kind }) => kind);
  if (!kinds.includes(options.driver)) {
    const near = nearest(options.driver, kinds);
    const hint = near === null ? '' : `; did you mean ${near}?`;
    throw usageError(
      'device add',
      `--driver ${JSON.stringify(options.driver)}: expected one of ${kinds.join(', ')}${hint}`,
    );
  }
  const { driver, host, port, unit, endpoint } = options;
  const device: Record<string, unknown> = { name, driver };
  for (const [key, value] of Object.entries({ host, port, unit, endpoint }))
    if (value !== undefined) device[key] = value;
  for (const assignment of options.set ?? []) assign(device, assignment);
  const result = await putDevice(context.configDirectory, componentSpecs, device, {
    replace: options.replace === true,
  });
  return reportEdit(context, result, `device ${name}`);
}

function assign(device: Record<string, unknown>, assignment: string): void {
  const [, path, text = ''] = /^([a-z_][a-z0-9_.]*)=(.*)$/is.exec(assignment) ?? [];
  if (path === undefined) {
    throw usageError('device add', `--set ${JSON.stringify(assignment)}: expected key=value, such as timeout_ms=500`);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw usageError('device add', `--set ${path}: expected a value in YAML`);
  }
  const keys = path.split('.');
  let target = device;
  for (const key of keys.slice(0, -1)) {
    const next = Object.hasOwn(target, key) ? target[key] : undefined;
    const inner: Record<string, unknown> =
      typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : Object.create(null);
    target[key] = inner;
    target = inner;
  }
  const last = keys.at(-1) ?? '';
  if (last !== '__proto__') target[last] = value;
}
