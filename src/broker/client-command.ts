import { isAssetPath } from '../model/asset.ts';
import type { TagValue } from '../model/tag.ts';
import type { TagCommand } from '../ports/command.ts';
import { isRfc3339, parseObject } from './client-json.ts';

const PREFIX = 'cmd/v1/';
const MAX_TEXT = 1_024;
const KEYS: ReadonlySet<string> = new Set(['id', 'value', 'reason', 'expires']);

/** True for topics that carry commands. */
export function isCommandTopic(topic: string): boolean {
  return topic.startsWith(PREFIX);
}

/**
 * The command that a client published to `cmd/v1/<asset path>/<tag>`: `{"id", "value", "reason", "expires"}`, all needed, `expires` in
 * RFC 3339: what was queued while the client was offline must not move a machine an hour later.
 * @returns the command, or why it is none, in words for whoever wrote the client
 */
export function readClientCommand(
  message: { readonly topic: string; readonly payload: Uint8Array; readonly retain: boolean },
  user: string,
): TagCommand | string {
  const tag = message.topic.slice(PREFIX.length);
  if (!isAssetPath(tag) || !tag.includes('/')) return 'the topic is not cmd/v1/<asset path>/<tag>';
  if (message.retain) return 'a command must not be retained';
  const parsed = parseObject(message.payload);
  if (typeof parsed === 'string') return parsed;
  const unknown = Object.keys(parsed).find((key) => !KEYS.has(key));
  if (unknown !== undefined) return `${JSON.stringify(unknown)} is not one of id, value, reason, expires`;
  const { id, value, reason, expires } = parsed;
  if (!isText(id)) return `id is not a text of 1 to ${MAX_TEXT} characters`;
  if (!isText(reason)) return `reason is not a text of 1 to ${MAX_TEXT} characters`;
  if (!isValue(value)) return 'value is not a number, a text, true or false';
  if (!isRfc3339(expires)) return 'expires is not RFC 3339, such as 2026-01-31T13:45:00Z';
  return { id, tag, value, actor: `mqtt:${user}`, reason, expires: Date.parse(expires) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT;
}

function isValue(value: unknown): value is Exclude<TagValue, null> {
  return (
    ['number', 'string', 'boolean'].includes(typeof value) && (typeof value !== 'string' || value.length <= MAX_TEXT)
  );
}
