import { SCALE_EXPECTED } from './scale-cell.ts';
import { FASTEST_SCAN_MS, SLOWEST_SCAN_MS } from './scan-period.ts';

/** One column of the tag table, for the check and the reference page. */
export interface TagColumn {
  readonly name: string;
  readonly required: boolean;
  /** What an empty cell or a missing column means; empty where required. */
  readonly fallback: string;
  readonly expected: string;
  readonly description: string;
}

/** The tag table: the order here is the order in which Headgate writes a new file; users may order theirs as they like. */
export const TAG_COLUMNS = [
  {
    name: 'device',
    required: true,
    fallback: '',
    expected: 'the name of a device',
    description: 'The device that holds the value, as named in devices/.',
  },
  {
    name: 'name',
    required: true,
    fallback: '',
    expected: '1 to 64 of letters, digits, "_" and "-", such as bearing_temperature',
    description: 'The name of the tag, unique within its asset. May not begin with "_".',
  },
  {
    name: 'asset',
    required: true,
    fallback: '',
    expected: 'a path of letters, digits, "_" and "-", joined by "/", such as acme/hamburg/line-3/press-7',
    description: 'The equipment that the value belongs to, as an ISA-95 path of 1 to 16 levels.',
  },
  {
    name: 'address',
    required: true,
    fallback: '',
    expected: 'an address of the device, such as 40001 (Modbus) or ns=2;s=Pump.Speed (OPC UA)',
    description: 'Where the device keeps the value, as its driver writes addresses.',
  },
  {
    name: 'type',
    required: false,
    fallback: 'by driver and address',
    expected:
      'one of auto, bool, int8, uint8, int16, uint16, int32, uint32, int64, uint64, float16, float32, float64, bcd16, bcd32, string (or INT, WORD, DINT, REAL, …), or an array of one such as int16[8]',
    description:
      'What the device holds there. Empty: as the server declares it (OPC UA); bool for coils and discrete inputs, uint16 for registers (Modbus). Names of IEC 61131-3 and of C are understood, in any case. With a count, as in int16[8] (Modbus): so many values that follow each other from the address on, each a tag of its own, name_0, name_1 and so on, with the other columns in common.',
  },
  {
    name: 'byte_order',
    required: false,
    fallback: 'ABCD',
    expected: 'one of ABCD, CDAB, BADC, DCBA',
    description:
      'Order of the bytes of a value of several registers: ABCD big endian, CDAB words swapped, BADC bytes swapped, DCBA little endian.',
  },
  {
    name: 'bit',
    required: false,
    fallback: 'the whole value',
    expected: 'a bit from 0 (least significant) to 63',
    description: 'Take one bit of the value, 0 being the least significant.',
  },
  {
    name: 'length',
    required: false,
    fallback: 'none',
    expected: 'the characters of a string, from 1 to 1000; or bits, from 1 to 32',
    description:
      'Characters of a string. With bit: how many bits from there on make an unsigned number (Modbus), as in bit 4 and length 3 for bits 4 to 6.',
  },
  {
    name: 'access',
    required: false,
    fallback: 'r',
    expected: 'one of r, w, rw',
    description: 'Whether the value is read, written or both.',
  },
  {
    name: 'scan_ms',
    required: false,
    fallback: '1000',
    expected: `a period from ${FASTEST_SCAN_MS} to ${SLOWEST_SCAN_MS} ms, such as 1000`,
    description: 'How often the value is read, in ms. Tags of one device with the same period are read together.',
  },
  {
    name: 'scale',
    required: false,
    fallback: '1',
    expected: SCALE_EXPECTED,
    description:
      'The value is multiplied by this, then offset is added. sqrt: the square root of the place in raw_low … raw_high, mapped onto eng_low … eng_high (differential pressure to flow). 0=off|1=running: the value is the text for the number, and Uncertain, as the number, where there is none.',
  },
  {
    name: 'offset',
    required: false,
    fallback: '0',
    expected: 'a number, such as -40',
    description: 'Added after scale.',
  },
  {
    name: 'raw_low',
    required: false,
    fallback: 'none',
    expected: 'a number, with raw_high, eng_low and eng_high',
    description:
      'With the three that follow: maps raw_low … raw_high onto eng_low … eng_high and clamps; scale and offset then count for nothing.',
  },
  {
    name: 'raw_high',
    required: false,
    fallback: 'none',
    expected: 'a number other than raw_low, with raw_low, eng_low and eng_high',
    description: 'See raw_low.',
  },
  {
    name: 'eng_low',
    required: false,
    fallback: 'none',
    expected: 'a number, such as 0',
    description: 'Lower end of the engineering range: values below are clamped to it, with quality Good_Clamped.',
  },
  {
    name: 'eng_high',
    required: false,
    fallback: 'none',
    expected: 'a number, such as 100',
    description: 'Upper end of the engineering range.',
  },
  {
    name: 'unit',
    required: false,
    fallback: 'none',
    expected: 'at most 32 characters, such as °C or mm/s',
    description: 'Engineering unit, shown as written.',
  },
  {
    name: 'deadband',
    required: false,
    fallback: '0',
    expected: 'a number of at least 0, such as 0.5, or a percentage such as 1%',
    description: 'A change up to this much is not reported.',
  },
  {
    name: 'deadband_type',
    required: false,
    fallback: 'none; absolute if a deadband is given',
    expected: 'one of none, absolute, percent',
    description:
      'none: every reading is reported; absolute: in engineering units, 0 reporting every change; percent: of the engineering range eng_low … eng_high, or of the last reported value where there is none.',
  },
  {
    name: 'lane',
    required: false,
    fallback: 'bulk',
    expected: 'one of critical, normal, bulk',
    description: 'Priority of the reports in the journal: when space runs out, bulk is dropped first, critical never.',
  },
  {
    name: 'description',
    required: false,
    fallback: 'none',
    expected: 'at most 1000 characters',
    description: 'For people.',
  },
] as const satisfies readonly TagColumn[];

export type TagColumnName = (typeof TAG_COLUMNS)[number]['name'];
