import { topicMatches } from '../model/topic.ts';

/** What one client may do. */
export interface AccessRules {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Written by the gateway alone; no rule opens them to a client. */
const RESERVED_FILTERS = ['uns/v1/#', 'svc/v1/#', 'dlq/v1/#'] as const;
/** Commands move machines: a rule opens them only when it says so by name. */
const COMMAND_LEVELS = 'cmd/v1/';

/** Deepest topic that is routed. */
export const MAX_TOPIC_LEVELS = 64;

/**
 * True for a name that may be published to: no wildcard, no NUL, no replacement character (what invalid UTF-8 decodes to), not
 * under `$`, at most 64 levels.
 * @source MQTT 3.1.1 §1.5.3, §4.7
 */
export function isTopicName(topic: string): boolean {
  return (
    topic !== '' &&
    !topic.startsWith('$') &&
    !/[#+\0\ufffd]/.test(topic) &&
    topic.split('/', MAX_TOPIC_LEVELS + 1).length <= MAX_TOPIC_LEVELS
  );
}

/** Why a client may not publish to a topic; null when it may. */
export function publishRefusal(rules: AccessRules, topic: string): string | null {
  if (!isTopicName(topic)) return 'not a topic name';
  const reserved = RESERVED_FILTERS.find((filter) => topicMatches(filter, topic));
  if (reserved !== undefined) return `${reserved} is written by the gateway only`;
  const isCommand = topic.startsWith(COMMAND_LEVELS);
  const isAllowed = rules.publish.some(
    (filter) => topicMatches(filter, topic) && (!isCommand || filter.startsWith(COMMAND_LEVELS)),
  );
  if (isAllowed) return null;
  return isCommand
    ? 'no publish rule that begins with cmd/v1/ allows this command'
    : 'no publish rule allows this topic';
}

/** True when every topic that the filter matches is allowed. */
export function maySubscribe(rules: AccessRules, filter: string): boolean {
  if (filter.startsWith('$') || filter.includes('\ufffd')) return false;
  return rules.subscribe.some((allowed) => filterCovers(allowed, filter));
}

/**
 * True when the wide filter matches every topic that the narrow one does: `uns/#` covers `uns/+/press`, `+` covers `a`, `#`
 * covers all.
 */
export function filterCovers(wide: string, narrow: string): boolean {
  const wideLevels = wide.split('/');
  const narrowLevels = narrow.split('/');
  for (let i = 0; i < wideLevels.length; i++) {
    const level = wideLevels[i];
    if (level === '#') return true;
    const asked = narrowLevels[i];
    if (asked === undefined || asked === '#') return false;
    if (level !== '+' && level !== asked) return false;
  }
  return wideLevels.length === narrowLevels.length;
}
