import { parse } from 'yaml';
import { componentSpecs } from '../component-specs.ts';
import { putDevice } from '../config/edit-device.ts';
import { writeImport } from '../config/edit-import.ts';
import { nearest } from '../config/nearest.ts';
import { formatProblem } from '../config/problem.ts';
import { applyProfile } from '../config/profiles.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { reportEdit } from './edit-report.ts';
import { oneLine } from './output.ts';
import { needProfile } from './profiles-directory.ts';

export interface DeviceAddOptions {
  /** Needed without a profile; with one it follows from where the device is. */
  readonly driver?: string;
  readonly profile?: string;
  /** Where a profile's tags are filed; default: below the asset of the gateway. */
  readonly asset?: string;
  /** Period of a profile's tags that name none. */
  readonly scanMs?: number;
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
  const asked = options.driver ?? (options.profile === undefined ? undefined : driverFor(options));
  if (asked === undefined) throw usageError('device add', 'name a kind of device with --driver, or a --profile');
  if (!kinds.includes(asked)) {
    const near = nearest(asked, kinds);
    const hint = near === null ? '' : `; did you mean ${near}?`;
    throw usageError('device add', `--driver ${JSON.stringify(asked)}: expected one of ${kinds.join(', ')}${hint}`);
  }
  const { host, port, unit, endpoint } = options;
  const device: Record<string, unknown> = { name, driver: asked };
  for (const [key, value] of Object.entries({ host, port, unit, endpoint }))
    if (value !== undefined) device[key] = value;
  for (const assignment of options.set ?? []) assign(device, assignment);
  if (options.profile !== undefined) return addWithProfile(context, name, device, options);
  const result = await putDevice(context.configDirectory, componentSpecs, device, {
    replace: options.replace === true,
  });
  return reportEdit(context, result, `device ${name}`);
}

/** With a profile: a serial port is spoken to in RTU, anything else in Modbus TCP. */
function driverFor({ set = [] }: DeviceAddOptions): string {
  return set.some((assignment) => assignment.startsWith('path=')) ? 'modbus-rtu' : 'modbus-tcp';
}

async function addWithProfile(
  context: CliContext,
  name: string,
  settings: Readonly<Record<string, unknown>>,
  options: DeviceAddOptions,
): Promise<number> {
  const profile = await needProfile(options.profile ?? '');
  const configuration = await needConfiguration(context);
  const isReplaced = options.replace === true;
  if (!isReplaced && configuration.devices.some((device) => device.name === name)) {
    throw new HeadgateError('CONFIG_EDIT_CONFLICT', { file: 'devices', reason: `the device ${name} exists already` });
  }
  const asset = options.asset ?? `${configuration.gateway.gateway.asset}/${name}`;
  const table = applyProfile(profile, { name, asset, settings, scanMs: options.scanMs ?? null });
  const target = { file: `tags/${name}.csv`, replace: isReplaced, replaceDevices: isReplaced, isDryRun: false };
  const result = await writeImport(context.configDirectory, componentSpecs, table, target);
  const { rejected, problems } = result;
  if (!result.isWritten || rejected.length > 0) {
    const first = problems[0] === undefined ? (rejected[0]?.reason ?? '') : formatProblem(problems[0]);
    const errors = Math.max(problems.length, rejected.length);
    throw new HeadgateError('CONFIG_EDIT_REFUSED', { file: `devices/${name}.yaml`, errors, first });
  }
  for (const note of table.notes) context.err(`note: ${oneLine(note)}\n`);
  return reportEdit(
    context,
    { isWritten: true, files: result.files, problems: [] },
    `device ${name}, ${counted(result.rows.length, 'tag')}`,
  );
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
