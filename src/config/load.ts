import { type CheckedDevice, checkDeviceFile, compareConnections } from './check-devices.ts';

import { checkGateway, type GatewayFile } from './check-gateway.ts';
import { checkSecretFiles, checkTagReferences } from './check-references.ts';
import { checkTags } from './check-tags.ts';
import { checkWires } from './check-wires.ts';
import type { ComponentSpecs } from './component-spec.ts';
import type { Configuration, DeviceConfiguration } from './configuration.ts';
import { decodeText } from './decode-text.ts';
import { FileProblems } from './file-problems.ts';
import { hasErrors, type Problem, sortProblems } from './problem.ts';
import { type ConfigurationSource, GATEWAY_FILE, readSource, type SourceFile } from './source.ts';
import { openTagTable, type TagTableReader } from './tag-table.ts';
import { parseYaml } from './yaml-file.ts';

/** A configuration, or null when there is an error; all problems, warnings too, in reading order. */
export interface LoadResult {
  readonly configuration: Configuration | null;
  readonly problems: readonly Problem[];
}

/**
 * Read and check a configuration directory: gateway.yaml, devices/*.yaml, tags/*.csv. Reports everything that is wrong at once and
 * never throws on content. Environment: `STATE_DIRECTORY` is the default of gateway.data_dir.
 */
export async function loadConfiguration(
  directory: string,
  specs: ComponentSpecs,
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
): Promise<LoadResult> {
  return checkSource(await readSource(directory), specs, environment);
}

/** The check alone, without I/O (but what a component's own check looks up). */
export function checkSource(
  source: ConfigurationSource,
  specs: ComponentSpecs,
  environment: Readonly<NodeJS.ProcessEnv>,
): LoadResult {
  const problems: Problem[] = [...source.problems];
  const yamlFiles = new Map<string, FileProblems>();
  const tables: TagTableReader[] = [];
  const checked: CheckedDevice[] = [];
  let gateway: GatewayFile | null = null;
  for (const file of source.files) {
    const text = textOf(file, problems);
    if (text === null) continue;
    if (file.path.startsWith('tags/')) {
      const table = openTagTable(text, file.path);
      tables.push(table);
      problems.push(...table.problems);
      continue;
    }
    const yaml = parseYaml(text);
    if (yaml.problems.length > 0) {
      const isOptional = file.path !== GATEWAY_FILE;
      for (const problem of yaml.problems) {
        const severity = isOptional && problem.code === 'CONFIG_EMPTY' ? 'warning' : 'error';
        problems.push({ severity, file: file.path, where: '', ...problem });
      }
      continue;
    }
    const found = new FileProblems(file.path, yaml);
    yamlFiles.set(file.path, found);
    checkSecretFiles(yaml.value, found);
    if (file.path === GATEWAY_FILE) gateway = checkGateway(yaml.value, specs, found, environment);
    else checked.push(...checkDeviceFile(yaml.value, specs, found));
  }
  const devices = byName(checked, yamlFiles);
  compareConnections(checked, (file) => yamlFiles.get(file));
  const { tags, names, problems: tagProblems } = checkTags(tables, devices);
  // Not spread: a table may have 50,000 problems.
  for (const problem of tagProblems) problems.push(problem);
  checkWires(checked, tags, (file) => yamlFiles.get(file));
  const gatewayProblems = yamlFiles.get(GATEWAY_FILE);
  if (gateway !== null && gatewayProblems !== undefined)
    checkTagReferences(gateway.services, specs.services, { tables, names }, gatewayProblems);
  for (const { problems: found } of yamlFiles.values()) problems.push(...found);
  const sorted = sortProblems(problems);
  if (gateway === null || hasErrors(sorted)) return { configuration: null, problems: sorted };
  const configuration: Configuration = {
    directory: source.directory,
    ...gateway,
    devices: checked.map(({ device }) => device).filter((device): device is DeviceConfiguration => device !== null),
    tags,
  };
  return { configuration, problems: sorted };
}

function textOf(file: SourceFile, problems: Problem[]): string | null {
  if (file.bytes === null) return null;
  const decoded = decodeText(file.bytes);
  if ('text' in decoded) return decoded.text;
  problems.push({ severity: 'error', code: 'CONFIG_ENCODING', file: file.path, where: '', ...decoded });
  return null;
}

/** Devices by name; a second one of the same name is an error at its place. */
function byName(
  devices: readonly CheckedDevice[],
  files: ReadonlyMap<string, FileProblems>,
): ReadonlyMap<string, CheckedDevice> {
  const known = new Map<string, CheckedDevice>();
  for (const device of devices) {
    const first = known.get(device.name);
    if (first === undefined) {
      known.set(device.name, device);
      continue;
    }
    const [file = '', line = '1'] = device.place.split(/:(?=\d+$)/);
    const problem: Problem = {
      severity: 'error',
      code: 'CONFIG_DUPLICATE',
      file,
      line: Number(line),
      column: 1,
      where: 'name',
      found: `the device ${JSON.stringify(device.name)} again`,
      expected: `a name of its own; the first is at ${first.place}`,
    };
    files.get(file)?.problems.push(problem);
  }
  return known;
}
