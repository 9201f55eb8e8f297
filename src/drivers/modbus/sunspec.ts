import { SUNSPEC_MODELS, type SunspecPoint, type SunspecType } from './sunspec.table.ts';

/** Reads holding registers; null: the unit has none there. */
export type ReadRegisters = (offset: number, count: number) => Promise<readonly number[] | null>;

/** A model that a unit has. */
interface FoundModel {
  readonly id: number;
  /** What it is; null: a model that is not known here. */
  readonly title: string | null;
  /** Zero-based holding register of its identifier. */
  readonly offset: number;
  /** Registers behind identifier and length. */
  readonly length: number;
}

/** A tag that is proposed for a point that the unit has. */
export interface ProposedTag {
  readonly name: string;
  /** Zero-based holding register. */
  readonly offset: number;
  readonly type: 'int16' | 'uint16' | 'uint32' | 'float32' | 'string';
  readonly length: number | null;
  readonly unit: string;
  /** From the scale factor that the unit had when it was asked. */
  readonly scale: number;
}

/** What a unit says of itself. */
export interface SunspecMap {
  readonly base: number;
  readonly models: readonly FoundModel[];
  readonly tags: readonly ProposedTag[];
}

/** Where the map may begin. Source: SunSpec Information Model Specification, Modbus mapping. */
const BASES = [40_000, 50_000, 0];
/** "SunS". */
const MARK = [0x5375, 0x6e53];
const END = 0xffff;
const MAX_MODELS = 100;
const MAX_REPEATED = 64;
const CHUNK = 100;

/**
 * Find the SunSpec map of a unit and propose a tag for each point that it implements. Scale factors are read once and become the tags' scale;
 * a unit that changes them needs another look.
 * @returns null: the unit has no such map
 */
export async function discoverSunspec(read: ReadRegisters): Promise<SunspecMap | null> {
  for (const base of BASES) {
    const mark = await read(base, 2);
    if (mark?.[0] === MARK[0] && mark?.[1] === MARK[1]) return walk(read, base);
  }
  return null;
}

async function walk(read: ReadRegisters, base: number): Promise<SunspecMap> {
  const models: FoundModel[] = [];
  const tags: ProposedTag[] = [];
  const names = new Set<string>();
  let offset = base + MARK.length;
  while (models.length < MAX_MODELS && offset < 65_534) {
    const [id = END, length = 0] = (await read(offset, 2)) ?? [];
    if (id === END || length === 0 || offset + 2 + length > 65_536) break;
    const known = SUNSPEC_MODELS[id];
    models.push({ id, title: known?.title ?? null, offset, length });
    if (known !== undefined) {
      const registers = await readAll(read, offset, length + 2);
      for (const tag of proposals(id, offset, registers)) {
        let name = tag.name;
        for (let number = 2; names.has(name); number++) name = `${tag.name}_${number}`;
        names.add(name);
        tags.push({ ...tag, name });
      }
    }
    offset += 2 + length;
  }
  return { base, models, tags };
}

async function readAll(read: ReadRegisters, offset: number, count: number): Promise<readonly (number | undefined)[]> {
  const registers: (number | undefined)[] = [];
  for (let done = 0; done < count; done += CHUNK) {
    const size = Math.min(CHUNK, count - done);
    const part = await read(offset + done, size);
    for (let i = 0; i < size; i++) registers.push(part?.[i]);
  }
  return registers;
}

function proposals(id: number, offset: number, registers: readonly (number | undefined)[]): ProposedTag[] {
  const { points = [], repeated } = SUNSPEC_MODELS[id] ?? {};
  const found = points.flatMap((point) => proposal(point, point.at, offset, registers));
  if (repeated === undefined) return found;
  const count = Math.min(registers[repeated.countAt] ?? 0, MAX_REPEATED);
  for (let block = 0; block < count; block++) {
    const begin = repeated.from + block * repeated.size;
    for (const point of repeated.points) {
      const own = { ...point, name: `${point.name}_${block + 1}` };
      found.push(...proposal(own, begin + point.at, offset, registers));
    }
  }
  return found;
}

/** None for a point that the unit does not implement, or whose scale it does not say. */
function proposal(
  point: SunspecPoint,
  at: number,
  offset: number,
  registers: readonly (number | undefined)[],
): ProposedTag[] {
  const { name, type, unit = '', scaleAt, length = null } = point;
  const [high, low] = [registers[at], registers[at + 1]];
  if (high === undefined || !isImplemented(type, high, low)) return [];
  let scale = 1;
  if (scaleAt !== undefined) {
    const factor = registers[scaleAt];
    if (factor === undefined || factor === 0x8000) return [];
    const exponent = (factor << 16) >> 16;
    if (exponent < -10 || exponent > 10) return [];
    scale = Number(`1e${exponent}`);
  }
  return [{ name, offset: offset + at, type: TYPES[type], length, unit, scale }];
}

const TYPES: Readonly<Record<SunspecType, ProposedTag['type']>> = {
  int16: 'int16',
  uint16: 'uint16',
  enum16: 'uint16',
  acc32: 'uint32',
  uint32: 'uint32',
  float32: 'float32',
  string: 'string',
};

/** Source: SunSpec Information Model Specification, "not implemented" values of each type. */
function isImplemented(type: SunspecType, high: number, low: number | undefined): boolean {
  switch (type) {
    case 'int16':
      return high !== 0x8000;
    case 'uint16':
    case 'enum16':
      return high !== 0xffff;
    case 'uint32':
      return !(high === 0xffff && low === 0xffff);
    case 'float32':
      return (high & 0x7fff) < 0x7f80;
    case 'string':
      return high !== 0;
    default:
      return low !== undefined;
  }
}
