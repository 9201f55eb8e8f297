import type { CliContext } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { printFacts, printJson, printTable } from './output.ts';
import { builtInProfiles, needProfile } from './profiles-directory.ts';

/** `headgate profile list`: the kinds of devices whose registers are known. */
export async function profileList(context: CliContext): Promise<number> {
  const profiles = await builtInProfiles();
  if (context.isJson) printJson(context, profiles);
  else {
    const rows = profiles.map(({ name, kind, title, tags, confidence }) => [
      name,
      kind,
      title,
      String(tags.length),
      confidence,
    ]);
    printTable(context, ['profile', 'kind', 'device', 'tags', 'confidence'], rows);
    context.err('"headgate device add NAME --profile PROFILE --host ADDRESS" takes one\n');
  }
  return EXIT.ok.code;
}

/** `headgate profile show NAME`: all of one, with its sources. */
export async function profileShow(context: CliContext, name: string): Promise<number> {
  const profile = await needProfile(name);
  if (context.isJson) {
    printJson(context, profile);
    return EXIT.ok.code;
  }
  const device = Object.entries(profile.device ?? {}).map(([key, value]) => `${key}: ${value}`);
  printFacts(context, [
    ['device', `${profile.title} (${profile.models.join(', ')})`],
    ['confidence', profile.confidence],
    ...profile.sources.map((source) => ['source', source] as const),
    ...(device.length === 0 ? [] : [['settings', device.join(', ')] as const]),
    ...(profile.notes === undefined ? [] : [['notes', profile.notes] as const]),
  ]);
  context.out('\n');
  const columns = ['name', 'address', 'type', 'byte_order', 'scale', 'unit', 'scan_ms'];
  const rows = profile.tags.map((tag) =>
    columns.map((column) => String(tag[column] ?? profile.defaults?.[column] ?? '')),
  );
  printTable(context, columns, rows);
  return EXIT.ok.code;
}
