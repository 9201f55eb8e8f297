/** The tags of the modelled line: what each is called, where it stands in its device, and what the model calls its value. */
import type { TagDefinition } from '../src/model/tag.ts';
import { TAG_DEFAULTS } from '../src/simulate/fixture.ts';
import type { FixtureDevice } from '../src/simulate/fixture-manifest.ts';

const SITE = 'acme/hamburg/press-shop/line-3';

export const MODEL_DEVICES: readonly FixtureDevice[] = [
  {
    name: 'plc-1',
    protocol: 'opcua',
    what: 'Controller of the cooling circuit: centrifugal pump with 45 kW motor, rigid foundation, and its supply tank.',
    port: 48_400,
    namespaces: ['urn:acme:plc-1', 'urn:acme:cooling'],
    identity: { vendor: 'Acme Controls', product: 'Cooling PLC', version: '2.4' },
  },
  {
    name: 'meter-1',
    protocol: 'modbus-tcp',
    what:
      'Eastron SDM630 three-phase energy meter. Register map: "Eastron SDM630 Modbus V2 protocol", input registers, ' +
      'IEEE 754 single precision, most significant register first.',
    port: 50_200,
    unit: 1,
    // The meter answers reserved registers with 0; the press refuses them.
    zero_gap: 120,
    identity: { vendor: 'Eastron', product: 'SDM630', version: 'V2' },
  },
  {
    name: 'press-1',
    protocol: 'modbus-tcp',
    what: 'Mechanical press, 1,600 kN, with PackML states (ANSI/ISA-TR88.00.02) in the registers of its controller.',
    port: 50_200,
    unit: 2,
    identity: { vendor: 'Acme Presses', product: 'MP-1600', version: '7.1' },
  },
];

type Extra = Partial<Omit<TagDefinition, 'device' | 'name' | 'asset' | 'address' | 'type'>>;

const row =
  (device: string, asset: string) =>
  (name: string, address: string, type: TagDefinition['type'], extra: Extra = {}): TagDefinition => ({
    ...TAG_DEFAULTS,
    device,
    name,
    asset: `${SITE}/${asset}`,
    address,
    type,
    ...extra,
  });

const pump = row('plc-1', 'pump-1');
const tank = row('plc-1', 'tank-1');
const meter = row('meter-1', 'meter-1');
const press = row('press-1', 'press-1');

const PUMP: readonly TagDefinition[] = [
  pump('running', 'ns=2;s=Pump1.Running', 'bool'),
  pump('run_command', 'ns=2;s=Pump1.RunCommand', 'bool'),
  pump('state', 'ns=2;s=Pump1.State', 'int16', { description: '0 standstill, 1 starting, 2 running, 3 stopping' }),
  pump('speed', 'ns=2;s=Pump1.Speed', 'float32', { unit: 'rpm' }),
  pump('speed_setpoint', 'ns=2;s=Pump1.SpeedSetpoint', 'float32', { unit: 'rpm' }),
  pump('flow', 'ns=2;s=Pump1.Flow', 'float32', { unit: 'm3/h' }),
  pump('suction_pressure', 'ns=2;s=Pump1.SuctionPressure', 'float32', { unit: 'bar' }),
  pump('discharge_pressure', 'ns=2;s=Pump1.DischargePressure', 'float32', { unit: 'bar' }),
  pump('seal_pressure', 'ns=2;s=Pump1.SealPressure', 'float32', { unit: 'bar' }),
  pump('motor_current', 'ns=2;s=Pump1.Motor.Current', 'float32', { unit: 'A' }),
  pump('motor_power', 'ns=2;s=Pump1.Motor.Power', 'float32', { unit: 'kW' }),
  pump('motor_torque', 'ns=2;s=Pump1.Motor.Torque', 'float32', { unit: 'Nm' }),
  pump('winding_temperature', 'ns=2;s=Pump1.Motor.WindingTemperature', 'float32', { unit: '°C' }),
  pump('bearing_temperature_de', 'ns=2;s=Pump1.Bearing.DE.Temperature', 'float32', {
    unit: '°C',
    description: 'Drive end',
  }),
  pump('bearing_temperature_nde', 'ns=2;s=Pump1.Bearing.NDE.Temperature', 'float32', {
    unit: '°C',
    description: 'Non-drive end',
  }),
  pump('vibration_de', 'ns=2;s=Pump1.Bearing.DE.VelocityRms', 'float64', {
    unit: 'mm/s',
    scanMs: 200,
    description: 'Vibration velocity RMS 10-1000 Hz, drive end',
  }),
  pump('vibration_nde', 'ns=2;s=Pump1.Bearing.NDE.VelocityRms', 'float64', {
    unit: 'mm/s',
    scanMs: 200,
    description: 'Vibration velocity RMS 10-1000 Hz, non-drive end',
  }),
  pump('acceleration_de', 'ns=2;s=Pump1.Bearing.DE.AccelerationRms', 'float32', { unit: 'm/s2', scanMs: 500 }),
  pump('kurtosis_de', 'ns=2;s=Pump1.Bearing.DE.Kurtosis', 'float32', { scanMs: 500 }),
  pump('crest_factor_de', 'ns=2;s=Pump1.Bearing.DE.CrestFactor', 'float32', { scanMs: 500 }),
  pump('envelope_de', 'ns=2;s=Pump1.Bearing.DE.EnvelopeBpfo', 'float32', {
    unit: 'gE',
    scanMs: 500,
    description: 'Envelope amplitude at the ball pass frequency of the outer race',
  }),
  pump('run_hours', 'ns=2;i=2101', 'float64', { unit: 'h' }),
  pump('start_count', 'ns=2;i=2102', 'uint32'),
  pump('seal_leak', 'ns=2;i=2110', 'uint16', { bit: 0, description: 'Alarm word, bit 0' }),
  pump('high_temperature', 'ns=2;i=2110', 'uint16', { bit: 3, description: 'Alarm word, bit 3' }),
  pump('controller_mode', 'ns=2;s=Pump1.Mode', 'string', { length: 16, lane: 'normal' }),
];

const TANK: readonly TagDefinition[] = [
  tank('level', 'nsu=urn:acme:cooling;s=Tank1.Level', 'float64', { unit: '%' }),
  tank('temperature', 'nsu=urn:acme:cooling;s=Tank1.Temperature', 'float64', { unit: '°C' }),
  tank('return_temperature', 'nsu=urn:acme:cooling;s=Tank1.ReturnTemperature', 'float64', { unit: '°C' }),
  tank('ambient_temperature', 'nsu=urn:acme:cooling;s=Tank1.AmbientTemperature', 'float32', { unit: '°C' }),
  tank('conductivity', 'nsu=urn:acme:cooling;s=Tank1.Conductivity', 'int32', { unit: 'uS/cm' }),
  tank('valve_position', 'nsu=urn:acme:cooling;s=Tank1.ValvePosition', 'uint8', { unit: '%' }),
  tank('volume_total', 'nsu=urn:acme:cooling;s=Tank1.VolumeTotal', 'int64', {
    unit: 'l',
    description: 'Counted since commissioning',
  }),
];

/** Input registers of the SDM630 as its protocol document numbers them; float32, two registers each. */
const SDM630: readonly (readonly [name: string, register: number, unit: string])[] = [
  ['voltage_l1', 30_001, 'V'],
  ['voltage_l2', 30_003, 'V'],
  ['voltage_l3', 30_005, 'V'],
  ['current_l1', 30_007, 'A'],
  ['current_l2', 30_009, 'A'],
  ['current_l3', 30_011, 'A'],
  ['power_l1', 30_013, 'W'],
  ['power_l2', 30_015, 'W'],
  ['power_l3', 30_017, 'W'],
  ['apparent_power_l1', 30_019, 'VA'],
  ['apparent_power_l2', 30_021, 'VA'],
  ['apparent_power_l3', 30_023, 'VA'],
  ['reactive_power_l1', 30_025, 'var'],
  ['reactive_power_l2', 30_027, 'var'],
  ['reactive_power_l3', 30_029, 'var'],
  ['power_factor_l1', 30_031, ''],
  ['power_factor_l2', 30_033, ''],
  ['power_factor_l3', 30_035, ''],
  ['voltage_average', 30_043, 'V'],
  ['current_average', 30_047, 'A'],
  ['current_sum', 30_049, 'A'],
  ['power_total', 30_053, 'W'],
  ['apparent_power_total', 30_057, 'VA'],
  ['reactive_power_total', 30_061, 'var'],
  ['power_factor_total', 30_063, ''],
  ['frequency', 30_071, 'Hz'],
  ['import_energy', 30_073, 'kWh'],
  ['export_energy', 30_075, 'kWh'],
  ['power_demand', 30_085, 'W'],
  ['power_demand_max', 30_087, 'W'],
  ['voltage_l1_l2', 30_201, 'V'],
  ['voltage_l2_l3', 30_203, 'V'],
  ['voltage_l3_l1', 30_205, 'V'],
];

const METER = SDM630.map(([name, register, unit]) => meter(name, String(register), 'float32', { unit }));

const PRESS: readonly TagDefinition[] = [
  press('state_current', '40001', 'uint16', {
    lane: 'normal',
    description: 'PackML state: 2 stopped, 3 starting, 4 idle, 6 execute, 9 aborted, 11 held, 15 resetting',
  }),
  press('unit_mode', '40002', 'uint16', { description: 'PackML mode: 1 production, 2 maintenance, 3 manual' }),
  press('stop_reason', '40003', 'uint16', {
    lane: 'normal',
    description: '0 none, 11 light curtain, 21 material empty, 31 overload',
  }),
  press('machine_speed', '40005', 'float32', { unit: '1/min', byteOrder: 'CDAB', description: 'Strokes per minute' }),
  press('machine_speed_setpoint', '40007', 'float32', { unit: '1/min', byteOrder: 'CDAB' }),
  press('processed_count', '40009', 'uint32', { byteOrder: 'CDAB', lane: 'normal' }),
  press('defective_count', '40011', 'uint32', { byteOrder: 'CDAB', lane: 'normal' }),
  press('good_count', '40013', 'uint32', { byteOrder: 'CDAB', lane: 'normal' }),
  press('total_strokes', '40015', 'uint64', { description: 'Since commissioning' }),
  press('peak_force', '40021', 'float32', { unit: 'kN', scanMs: 500 }),
  press('ram_position', '40023', 'int16', { unit: 'mm', scale: 0.1, scanMs: 500 }),
  press('force_left', '40024', 'uint16', { unit: 'kN', scale: 0.1, scanMs: 500 }),
  press('force_right', '40025', 'uint16', { unit: 'kN', scale: 0.1, scanMs: 500 }),
  press('cycle_time', '40026', 'uint16', { unit: 'ms' }),
  press('die_temperature', '40030', 'int16', { unit: '°C', scale: 0.1 }),
  press('oil_temperature', '40031', 'int16', { unit: '°C', scale: 0.1 }),
  press('oil_pressure', '40032', 'uint16', {
    unit: 'bar',
    rawLow: 0,
    rawHigh: 27_648,
    engLow: 0,
    engHigh: 250,
    description: 'Analogue input 4-20 mA, 0 to 27648',
  }),
  press('lubricant_level', '40033', 'uint8', { unit: '%' }),
  press('guard_closed', '40040', 'uint16', { bit: 0 }),
  press('light_curtain_free', '40040', 'uint16', { bit: 1 }),
  press('main_motor_on', '40040', 'uint16', { bit: 2 }),
  press('clutch_engaged', '40040', 'uint16', { bit: 3 }),
  press('overload', '40040', 'uint16', { bit: 8 }),
  press('emergency_stop_ok', 'DI:0', 'bool'),
  press('material_present', 'DI:1', 'bool'),
  press('beacon', 'CO:0', 'bool'),
  press('order', '40050', 'string', { length: 12, lane: 'normal', description: 'Production order' }),
];

export const MODEL_TAGS: readonly TagDefinition[] = [...PUMP, ...TANK, ...METER, ...PRESS];
