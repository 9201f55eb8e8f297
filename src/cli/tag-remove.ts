import { componentSpecs } from '../component-specs.ts';
import { removeTags } from '../config/edit.ts';
import type { CliContext } from './cli-context.ts';
import { reportEdit } from './edit-report.ts';

/** `headgate tag remove TAG…`: rows away; comments and all else stay. */
export async function tagRemove(context: CliContext, references: readonly string[]): Promise<number> {
  const result = await removeTags(context.configDirectory, componentSpecs, references);
  return reportEdit(
    context,
    result,
    references.length === 1 ? `tag ${references[0]} removed` : `${references.length} tags removed`,
  );
}
