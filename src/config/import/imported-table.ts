import { proposeSegment } from '../../model/asset.ts';
import type { ByteOrder } from '../../model/tag.ts';
import { FASTEST_SCAN_MS, SLOWEST_SCAN_MS } from '../scan-period.ts';
import type { TagCells } from '../tag-edit.ts';

/** How a foreign table is to be understood, where it does not say so itself. */
export interface ImportOptions {
  /** The device that tags belong to whose table names none; null: none was named. */
  readonly device: string | null;
  /** The kind of that device's driver: `modbus-tcp`, `opcua`; null: not known. */
  readonly driver: string | null;
  /** Where the equipment of a device is filed: an asset path. */
  readonly assetOf: (device: string) => string;
  /** Byte order of values of several registers in tables that do not name one; null: as their product has it without being told. */
  readonly byteOrder: ByteOrder | null;
  /** How often tags are read whose table does not say. */
  readonly scanMs: number;
}

/** A device that a table names: the content of its file. */
export interface ImportedDevice {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A tag that was not taken over, where it stands, and why. */
export interface RejectedTag {
  readonly tag: string;
  /** `line 12`, `master.slaves[0].timeseries[3]`. */
  readonly place: string;
  readonly reason: string;
}

/** A row of our table with the place that it came from. */
export interface ImportedRow {
  readonly cells: TagCells;
  /** As the foreign table calls it. */
  readonly tag: string;
  readonly place: string;
}

/** What a foreign table became. Each of its tags is in `rows` or in `rejected`, but those that it switches off itself. */
export interface ImportedTable {
  readonly devices: readonly ImportedDevice[];
  readonly rows: readonly ImportedRow[];
  readonly rejected: readonly RejectedTag[];
  /** What the user should know: guesses, settings that have no counterpart. */
  readonly notes: readonly string[];
}

/** Why a tag, or a whole device, cannot be taken over; the message is shown. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
}

/** What a tag becomes: the cells that are not worked out from its name. */
export type Cells = Omit<TagCells, 'device' | 'name' | 'asset'> & { readonly address: string };

/** Gathers what an importer finds: names made legal and unique, rejections with their places. */
export class TagCollector {
  readonly #options: ImportOptions;
  readonly #devices = new Map<string, ImportedDevice>();
  readonly #rows: ImportedRow[] = [];
  readonly #rejected: RejectedTag[] = [];
  readonly #notes = new Set<string>();
  readonly #names = new Set<string>();

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  /** Add a device under a legal name that no other has. @returns its name */
  device(wanted: string, settings: Readonly<Record<string, unknown>>): string {
    const name = unique(proposeSegment(wanted).slice(0, 36), (candidate) => this.#devices.has(candidate));
    this.#devices.set(name, { name, settings: { name, ...settings } });
    return name;
  }

  /** The device of tags whose table names none. @throws Rejection none was named */
  namedDevice(): string {
    const { device } = this.#options;
    if (device === null) throw new Rejection('the table does not say which device it is of: name one with --device');
    return device;
  }

  /** Add one tag; what `cells` throws as a Rejection is its reason. `folders` are levels below the asset of the device. */
  tag(place: string, name: string, device: () => string, cells: () => Cells, folders: readonly string[] = []): void {
    try {
      if (name === '') throw new Rejection('it has no name');
      const owner = device();
      const asset = [this.#options.assetOf(owner), ...folders.map(proposeSegment)].join('/');
      const own = unique(proposeSegment(name).slice(0, 60), (candidate) => this.#names.has(`${asset}/${candidate}`));
      const row = cells();
      this.#names.add(`${asset}/${own}`);
      const scan = this.#allowedScan(row.scan_ms ?? String(this.#options.scanMs));
      this.#rows.push({ place, tag: name, cells: { device: owner, name: own, asset, ...row, scan_ms: scan } });
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.reject(place, name, error.message);
    }
  }

  /** The allowed period that is nearest to one that is none; what is no period is left to the check of the table. */
  #allowedScan(text: string): string {
    const wanted = Number(text);
    if (!(wanted > 0)) return text;
    const scanMs = Math.min(Math.max(Math.round(wanted), FASTEST_SCAN_MS), SLOWEST_SCAN_MS);
    if (wanted < FASTEST_SCAN_MS) this.note(`periods below ${FASTEST_SCAN_MS} ms: read every ${FASTEST_SCAN_MS} ms`);
    if (wanted > SLOWEST_SCAN_MS) this.note('periods above a day: read once a day');
    return String(scanMs);
  }

  reject(place: string, tag: string, reason: string): void {
    this.#rejected.push({ place, tag, reason });
  }

  /** Say something once. */
  note(text: string): void {
    this.#notes.add(text);
  }

  result(): ImportedTable {
    return {
      devices: [...this.#devices.values()],
      rows: this.#rows,
      rejected: this.#rejected,
      notes: [...this.#notes],
    };
  }
}

function unique(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name;
  for (let number = 2; ; number++) if (!isTaken(`${name}_${number}`)) return `${name}_${number}`;
}
