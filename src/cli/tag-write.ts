import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatReading } from './format.ts';
import { printJson, tinted } from './output.ts';
import { withProgress } from './progress.ts';
import { selectTags } from './tag-select.ts';

export interface TagWriteRequest {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
  readonly ttlMs: Millis;
}

/** `headgate tag write TAG VALUE --reason TEXT`: always through the daemon, so that every write is in its journal. */
export async function tagWrite(context: CliContext, request: TagWriteRequest): Promise<number> {
  const configuration = await needConfiguration(context);
  const [tag] = selectTags([...configuration.tags], [request.name], 'tag write');
  if (tag === undefined) throw usageError('tag write', 'name one tag');
  const value = valueFor(tag, request.value);
  const daemon = await needDaemon(context);
  const result = await withProgress(context, `writing ${tag.name}`, () =>
    daemon.writeTag({
      id: randomUUID(),
      tag: `${tag.asset}/${tag.name}`,
      value,
      actor: userInfo().username,
      reason: request.reason,
      expires: Date.now() + request.ttlMs,
    }),
  );
  const isDone = result.outcome === 'done';
  if (context.isJson) printJson(context, result);
  else {
    const shown = (shownValue: TagValue) =>
      shownValue === null ? 'not known' : formatReading({ value: shownValue }, tag.unit);
    const verdict = tinted(context, isDone ? 'good' : 'bad', result.outcome);
    context.out(`${result.tag}: ${verdict}${result.problem === null ? '' : `, ${result.problem}`}\n`);
    if (result.outcome === 'done' || result.outcome === 'unconfirmed') {
      context.out(`before ${shown(result.before)}, after ${shown(result.after)}\n`);
    }
  }
  return isDone ? EXIT.ok.code : EXIT.failed.code;
}

/** What was typed, as the tag's type wants it. */
function valueFor(tag: TagDefinition, text: string): Exclude<TagValue, null | bigint> {
  const isSwitch = tag.type === 'bool' || tag.bit !== null;
  if (tag.type === 'string') return text;
  const meant = Object.values(tag.texts ?? {}).find((known) => known.toLowerCase() === text.toLowerCase());
  if (meant !== undefined) return meant;
  if (isSwitch && /^(true|on|1)$/i.test(text)) return true;
  if (isSwitch && /^(false|off|0)$/i.test(text)) return false;
  const number = text.trim() === '' ? Number.NaN : Number(text);
  // Rounded it would be another one.
  if (/64$/.test(tag.type) && /^-?\d+$/.test(text) && !Number.isSafeInteger(number)) return text;
  if (!isSwitch && Number.isFinite(number)) return number;
  if (tag.type === 'auto') return text === 'true' || text === 'false' ? text === 'true' : text;
  const texts = Object.values(tag.texts ?? {});
  const wanted = isSwitch ? 'true or false' : 'number';
  throw usageError(
    'tag write',
    `${JSON.stringify(text)} is no ${wanted}${texts.length === 0 ? '' : `, and none of ${texts.join(', ')}`}`,
  );
}
