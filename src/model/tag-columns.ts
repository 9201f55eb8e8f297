import type { TagDefinition } from './tag.ts';
import { ownText, TextColumn } from './text-column.ts';

/**
 * Tags in an order, of which each is made when it is asked for: `at` may give another object each time, so keep what you need of it and
 * not the tag. An array of tags is one too.
 */
export interface TagSequence extends Iterable<TagDefinition> {
  readonly length: number;
  /** @param index from 0 */
  at(index: number): TagDefinition | undefined;
  values(): IteratorObject<TagDefinition>;
}

/** What a tag has in common with most of its neighbours. */
type Traits = Omit<TagDefinition, 'name' | 'address' | 'description'>;

/**
 * The tags of a configuration as columns: 100,000 of them would be 25 MB of objects and texts, of which most say the same. Kept are the name
 * (a string, since tag lists hold it too), address and description as bytes, and a number for all that equal tags share.
 */
export class TagColumns implements TagSequence {
  readonly #names: string[] = [];
  readonly #addresses = new TextColumn();
  readonly #descriptions = new TextColumn();
  readonly #traits: Traits[] = [];
  #traitOf: Uint8Array | Uint16Array | Uint32Array = new Uint32Array(256);
  /** By all their values; null once nothing more is added. */
  #known: Map<string, number> | null = new Map();
  #last = -1;

  get length(): number {
    return this.#names.length;
  }

  push(tag: TagDefinition): void {
    const index = this.#names.length;
    if (index >= this.#traitOf.length || !(this.#traitOf instanceof Uint32Array)) {
      this.#traitOf = resized(this.#traitOf, Math.max(256, index * 2));
    }
    this.#traitOf[index] = this.#traitsOf(tag);
    this.#names.push(ownText(tag.name));
    this.#addresses.push(tag.address);
    this.#descriptions.push(tag.description);
  }

  /** Nothing is added any more: give back what only adding needs. */
  seal(): void {
    this.#known = null;
    this.#traitOf = narrowed(this.#traitOf.subarray(0, this.length), this.#traits.length);
    this.#addresses.trim();
    this.#descriptions.trim();
  }

  at(index: number): TagDefinition | undefined {
    const traits = index < this.length ? this.#traits[this.#traitOf[index] as number] : undefined;
    if (traits === undefined) return undefined;
    const { curve, texts } = traits;
    // Written out: spreading takes a µs, and there may be 100,000.
    const tag: TagDefinition = {
      device: traits.device,
      name: this.#names[index] as string,
      asset: traits.asset,
      address: this.#addresses.at(index),
      type: traits.type,
      byteOrder: traits.byteOrder,
      bit: traits.bit,
      length: traits.length,
      access: traits.access,
      scanMs: traits.scanMs,
      scale: traits.scale,
      offset: traits.offset,
      rawLow: traits.rawLow,
      rawHigh: traits.rawHigh,
      engLow: traits.engLow,
      engHigh: traits.engHigh,
      unit: traits.unit,
      deadband: traits.deadband,
      deadbandType: traits.deadbandType,
      lane: traits.lane,
      description: this.#descriptions.at(index),
    };
    if (curve === undefined && texts === undefined) return tag;
    return { ...tag, ...(curve === undefined ? {} : { curve }), ...(texts === undefined ? {} : { texts }) };
  }

  *values(): Generator<TagDefinition> {
    for (let index = 0; index < this.length; index++) yield this.at(index) as TagDefinition;
  }

  [Symbol.iterator](): Generator<TagDefinition> {
    return this.values();
  }

  #traitsOf(tag: TagDefinition): number {
    const last = this.#traits[this.#last];
    if (last !== undefined && hasTraits(tag, last)) return this.#last;
    const { name: _name, address: _address, description: _description, ...traits } = tag;
    const key = JSON.stringify(traits);
    this.#known ??= new Map(this.#traits.map((known, number) => [JSON.stringify(known), number]));
    let number = this.#known.get(key);
    if (number === undefined) {
      // Parsed, so that no text in them is a cut of the table's.
      number = this.#traits.push(JSON.parse(key)) - 1;
      this.#known.set(key, number);
    }
    this.#last = number;
    return number;
  }
}

/** Some of the tags of another sequence, by their places in it. */
export class TagSelection implements TagSequence {
  readonly length: number;
  readonly #tags: TagSequence;
  readonly #first: number;
  /** null: one after the other from the first. */
  readonly #places: Uint32Array | null;

  /** @param places copied */
  constructor(tags: TagSequence, places: readonly number[]) {
    this.length = places.length;
    this.#tags = tags;
    this.#first = places[0] ?? 0;
    this.#places = places.every((place, index) => place === this.#first + index) ? null : Uint32Array.from(places);
  }

  at(index: number): TagDefinition | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    return this.#tags.at(this.#places === null ? this.#first + index : (this.#places[index] as number));
  }

  *values(): Generator<TagDefinition> {
    for (let index = 0; index < this.length; index++) yield this.at(index) as TagDefinition;
  }

  [Symbol.iterator](): Generator<TagDefinition> {
    return this.values();
  }
}

/** Most rows of a table have the traits of the row before. */
function hasTraits(tag: TagDefinition, traits: Traits): boolean {
  return (
    tag.device === traits.device &&
    tag.asset === traits.asset &&
    tag.type === traits.type &&
    tag.byteOrder === traits.byteOrder &&
    tag.bit === traits.bit &&
    tag.length === traits.length &&
    tag.access === traits.access &&
    tag.scanMs === traits.scanMs &&
    tag.scale === traits.scale &&
    tag.offset === traits.offset &&
    tag.curve === traits.curve &&
    tag.texts === traits.texts &&
    tag.rawLow === traits.rawLow &&
    tag.rawHigh === traits.rawHigh &&
    tag.engLow === traits.engLow &&
    tag.engHigh === traits.engHigh &&
    tag.unit === traits.unit &&
    tag.deadband === traits.deadband &&
    tag.deadbandType === traits.deadbandType &&
    tag.lane === traits.lane
  );
}

/** Most tables have a handful of traits. @param count of the numbers' values */
function narrowed(numbers: Uint8Array | Uint16Array | Uint32Array, count: number) {
  if (count <= 0x100) return Uint8Array.from(numbers);
  return count <= 0x1_0000 ? Uint16Array.from(numbers) : Uint32Array.from(numbers);
}

function resized(numbers: Uint8Array | Uint16Array | Uint32Array, size: number): Uint32Array {
  const copy = new Uint32Array(size);
  copy.set(numbers.subarray(0, size));
  return copy;
}
