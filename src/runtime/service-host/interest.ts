import { topicMatches } from '../../model/topic.ts';

/**
 * True when a subscription takes an event on this topic. A service's own events come back only to a filter that spells the last
 * level out, so that `evt/v1/#` makes no loop.
 */
export function takes(filter: string, topic: string, isOwn: boolean): boolean {
  return topicMatches(filter, topic) && (!isOwn || lastLevel(filter) === lastLevel(topic));
}

/** True when every topic that `filter` matches is matched by `declared` too. */
export function covers(declared: string, filter: string): boolean {
  const outer = declared.split('/');
  const inner = filter.split('/');
  for (let i = 0; i < outer.length; i++) {
    if (outer[i] === '#') return true;
    const level = inner[i];
    if (level === undefined || level === '#') return false;
    if (outer[i] !== '+' && outer[i] !== level) return false;
  }
  return outer.length === inner.length;
}

function lastLevel(topic: string): string {
  return topic.slice(topic.lastIndexOf('/') + 1);
}
