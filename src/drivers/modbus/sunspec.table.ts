/** How a value of a SunSpec model stands in its registers. */
export type SunspecType = 'int16' | 'uint16' | 'enum16' | 'acc32' | 'uint32' | 'float32' | 'string';

/** A point of a model: tag name, place from the model's identifier, type, unit, and where the scale factor stands. */
export interface SunspecPoint {
  readonly name: string;
  readonly at: number;
  readonly type: SunspecType;
  readonly unit?: string;
  /** Place of the scale factor (`sunssf`), from the model's identifier. */
  readonly scaleAt?: number;
  /** Characters of a string. */
  readonly length?: number;
}

/** A model, or models, of one layout. */
export interface SunspecModel {
  readonly title: string;
  readonly points: readonly SunspecPoint[];
  /** Points of a block that is repeated, from its begin; `count` says how many there are. */
  readonly repeated?: {
    readonly from: number;
    readonly size: number;
    readonly countAt: number;
    readonly points: readonly SunspecPoint[];
  };
}

type Row = readonly [name: string, at: number, type: SunspecType, unit?: string, scaleAt?: number];

const points = (rows: readonly Row[]): SunspecPoint[] =>
  rows.map(([name, at, type, unit = '', scaleAt]) => ({
    name,
    at,
    type,
    unit,
    ...(scaleAt === undefined ? {} : { scaleAt }),
  }));

const INVERTER: SunspecModel = {
  title: 'inverter',
  points: points([
    ['current', 2, 'uint16', 'A', 6],
    ['current_l1', 3, 'uint16', 'A', 6],
    ['current_l2', 4, 'uint16', 'A', 6],
    ['current_l3', 5, 'uint16', 'A', 6],
    ['voltage_l1_l2', 7, 'uint16', 'V', 13],
    ['voltage_l2_l3', 8, 'uint16', 'V', 13],
    ['voltage_l3_l1', 9, 'uint16', 'V', 13],
    ['voltage_l1', 10, 'uint16', 'V', 13],
    ['voltage_l2', 11, 'uint16', 'V', 13],
    ['voltage_l3', 12, 'uint16', 'V', 13],
    ['active_power', 14, 'int16', 'W', 15],
    ['frequency', 16, 'uint16', 'Hz', 17],
    ['apparent_power', 18, 'int16', 'VA', 19],
    ['reactive_power', 20, 'int16', 'var', 21],
    ['power_factor', 22, 'int16', '', 23],
    ['energy', 24, 'acc32', 'Wh', 26],
    ['dc_current', 27, 'uint16', 'A', 28],
    ['dc_voltage', 29, 'uint16', 'V', 30],
    ['dc_power', 31, 'int16', 'W', 32],
    ['cabinet_temperature', 33, 'int16', '°C', 37],
    ['heatsink_temperature', 34, 'int16', '°C', 37],
    ['state', 38, 'enum16'],
    ['vendor_state', 39, 'enum16'],
  ]),
};

const FLOAT_INVERTER: SunspecModel = {
  title: 'inverter, floating point',
  points: points([
    ['current', 2, 'float32', 'A'],
    ['current_l1', 4, 'float32', 'A'],
    ['current_l2', 6, 'float32', 'A'],
    ['current_l3', 8, 'float32', 'A'],
    ['voltage_l1_l2', 10, 'float32', 'V'],
    ['voltage_l2_l3', 12, 'float32', 'V'],
    ['voltage_l3_l1', 14, 'float32', 'V'],
    ['voltage_l1', 16, 'float32', 'V'],
    ['voltage_l2', 18, 'float32', 'V'],
    ['voltage_l3', 20, 'float32', 'V'],
    ['active_power', 22, 'float32', 'W'],
    ['frequency', 24, 'float32', 'Hz'],
    ['apparent_power', 26, 'float32', 'VA'],
    ['reactive_power', 28, 'float32', 'var'],
    ['power_factor', 30, 'float32'],
    ['energy', 32, 'float32', 'Wh'],
    ['dc_current', 34, 'float32', 'A'],
    ['dc_voltage', 36, 'float32', 'V'],
    ['dc_power', 38, 'float32', 'W'],
    ['cabinet_temperature', 40, 'float32', '°C'],
    ['heatsink_temperature', 42, 'float32', '°C'],
    ['state', 48, 'enum16'],
    ['vendor_state', 49, 'enum16'],
  ]),
};

const METER: SunspecModel = {
  title: 'meter',
  points: points([
    ['current', 2, 'int16', 'A', 6],
    ['current_l1', 3, 'int16', 'A', 6],
    ['current_l2', 4, 'int16', 'A', 6],
    ['current_l3', 5, 'int16', 'A', 6],
    ['voltage', 7, 'int16', 'V', 15],
    ['voltage_l1', 8, 'int16', 'V', 15],
    ['voltage_l2', 9, 'int16', 'V', 15],
    ['voltage_l3', 10, 'int16', 'V', 15],
    ['frequency', 16, 'int16', 'Hz', 17],
    ['active_power', 18, 'int16', 'W', 22],
    ['active_power_l1', 19, 'int16', 'W', 22],
    ['active_power_l2', 20, 'int16', 'W', 22],
    ['active_power_l3', 21, 'int16', 'W', 22],
    ['apparent_power', 23, 'int16', 'VA', 27],
    ['reactive_power', 28, 'int16', 'var', 32],
    ['power_factor', 33, 'int16', '', 37],
    ['energy_export', 38, 'acc32', 'Wh', 54],
    ['energy_import', 46, 'acc32', 'Wh', 54],
  ]),
};

/** Models by their identifiers. Source: SunSpec Alliance, Information Model Reference (models 1, 101–103, 111–113, 120, 160, 201–204). */
export const SUNSPEC_MODELS: Readonly<Record<number, SunspecModel>> = {
  1: {
    title: 'common',
    points: [
      { name: 'manufacturer', at: 2, type: 'string', length: 32 },
      { name: 'model', at: 18, type: 'string', length: 32 },
      { name: 'version', at: 42, type: 'string', length: 16 },
      { name: 'serial_number', at: 50, type: 'string', length: 32 },
    ],
  },
  101: INVERTER,
  102: INVERTER,
  103: INVERTER,
  111: FLOAT_INVERTER,
  112: FLOAT_INVERTER,
  113: FLOAT_INVERTER,
  120: {
    title: 'nameplate',
    points: points([
      ['rated_power', 3, 'uint16', 'W', 4],
      ['rated_apparent_power', 5, 'uint16', 'VA', 6],
    ]),
  },
  160: {
    title: 'strings of the inverter',
    points: [],
    repeated: {
      from: 10,
      size: 20,
      countAt: 8,
      points: points([
        ['string_current', 9, 'uint16', 'A', 2],
        ['string_voltage', 10, 'uint16', 'V', 3],
        ['string_power', 11, 'uint16', 'W', 4],
        ['string_energy', 12, 'acc32', 'Wh', 5],
      ]),
    },
  },
  201: METER,
  202: METER,
  203: METER,
  204: METER,
};
