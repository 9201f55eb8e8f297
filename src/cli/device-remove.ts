import { componentSpecs } from '../component-specs.ts';
import { removeDevice } from '../config/edit-device.ts';
import { counted } from '../model/counted.ts';
import type { CliContext } from './cli-context.ts';
import { reportEdit } from './edit-report.ts';

/** `headgate device remove NAME`: its file away, and with `--with-tags` the rows that are read from it. */
export async function deviceRemove(
  context: CliContext,
  name: string,
  options: { readonly withTags?: boolean },
): Promise<number> {
  const result = await removeDevice(context.configDirectory, componentSpecs, name, options);
  const tags = result.tags === 0 ? '' : ` with ${counted(result.tags, 'tag')}`;
  return reportEdit(context, result, `device ${name} removed${tags}`, 'changed');
}
