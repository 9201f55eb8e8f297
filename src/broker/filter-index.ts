import { topicMatches } from '../model/topic.ts';

/** Answers kept per topic; when full, all are forgotten. */
const MAX_CACHED_TOPICS = 20_000;

/** Who hears of the topics one level below a parent. */
export interface ChildMatches<S> {
  /** Those who hear of every child. */
  readonly all: readonly S[];
  /** Those who hear of one child, by its last level, besides `all`. */
  readonly byName: ReadonlyMap<string, readonly S[]>;
}

/**
 * Who subscribed to what. A topic is matched against the filters once and the answer kept until a subscription changes, so that
 * publishing splits no strings.
 */
export class FilterIndex<S> {
  readonly #exact = new Map<string, Set<S>>();
  /** Exact topics by what stands before their last `/`. */
  readonly #exactByParent = new Map<string, Set<string>>();
  readonly #wild = new Map<string, Set<S>>();
  readonly #cache = new Map<string, readonly S[]>();
  #version = 0;

  /** Changes with every change of a subscription. */
  get version(): number {
    return this.#version;
  }

  /** How many filters anyone subscribed to. */
  get size(): number {
    return this.#exact.size + this.#wild.size;
  }

  add(subscriber: S, filter: string): void {
    const filters = isWild(filter) ? this.#wild : this.#exact;
    const holders = filters.get(filter);
    if (holders?.has(subscriber)) return;
    if (holders !== undefined) holders.add(subscriber);
    else {
      filters.set(filter, new Set([subscriber]));
      if (filters === this.#exact) this.#addChild(filter);
    }
    this.#changed();
  }

  remove(subscriber: S, filter: string): void {
    const filters = isWild(filter) ? this.#wild : this.#exact;
    const holders = filters.get(filter);
    if (!holders?.delete(subscriber)) return;
    if (holders.size === 0) {
      filters.delete(filter);
      if (filters === this.#exact) this.#removeChild(filter);
    }
    this.#changed();
  }

  /** The subscribers of a topic, each once. */
  match(topic: string): readonly S[] {
    const known = this.#cache.get(topic);
    if (known !== undefined) return known;
    const found = new Set(this.#exact.get(topic));
    for (const [filter, holders] of this.#wild) {
      if (topicMatches(filter, topic)) for (const holder of holders) found.add(holder);
    }
    if (this.#cache.size >= MAX_CACHED_TOPICS) this.#cache.clear();
    const matched = [...found];
    this.#cache.set(topic, matched);
    return matched;
  }

  /** The subscribers of `<parent>/<name>` for all names at once, without forming the topics. */
  matchChildren(parent: string): ChildMatches<S> {
    const all = new Set<S>();
    const byName = new Map<string, Set<S>>();
    const hear = (name: string, holders: ReadonlySet<S>) => {
      const known = byName.get(name);
      if (known === undefined) byName.set(name, new Set(holders));
      else for (const holder of holders) known.add(holder);
    };
    for (const [filter, holders] of this.#wild) {
      const cut = filter.lastIndexOf('/');
      const last = filter.slice(cut + 1);
      if (last === '#' && (filter === '#' || topicMatches(filter, parent))) {
        for (const holder of holders) all.add(holder);
        continue;
      }
      // `a/b/#` also matches `a/b` itself, a child of `a`.
      const own = last === '#' ? filter.slice(0, cut) : filter;
      const ownCut = own.lastIndexOf('/');
      if (ownCut < 0 || !topicMatches(own.slice(0, ownCut), parent)) continue;
      const name = own.slice(ownCut + 1);
      if (name === '+') for (const holder of holders) all.add(holder);
      else hear(name, holders);
    }
    for (const name of this.#exactByParent.get(parent) ?? [])
      hear(name, this.#exact.get(`${parent}/${name}`) ?? new Set());
    return {
      all: [...all],
      byName: new Map([...byName].map(([name, holders]) => [name, [...holders].filter((holder) => !all.has(holder))])),
    };
  }

  #changed(): void {
    this.#version++;
    this.#cache.clear();
  }

  #addChild(topic: string): void {
    const cut = topic.lastIndexOf('/');
    const parent = topic.slice(0, Math.max(cut, 0));
    const names = this.#exactByParent.get(parent);
    if (names === undefined) this.#exactByParent.set(parent, new Set([topic.slice(cut + 1)]));
    else names.add(topic.slice(cut + 1));
  }

  #removeChild(topic: string): void {
    const cut = topic.lastIndexOf('/');
    const parent = topic.slice(0, Math.max(cut, 0));
    const names = this.#exactByParent.get(parent);
    names?.delete(topic.slice(cut + 1));
    if (names?.size === 0) this.#exactByParent.delete(parent);
  }
}

function isWild(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}
