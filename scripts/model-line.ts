/**
 * The model of the line that the repository's recording was made from: a cooling pump with a wearing bearing, the tank it
 * feeds from, an energy meter and a press. It is a model, not a measurement: simple physics (affinity laws, first-order
 * temperatures, efficiency) with noise, and wear squeezed from months into half an hour.
 *
 * Vibration zones it walks through: ISO 10816-3 group 2 (15 to 300 kW), rigid: A/B 1.4, B/C 2.8, C/D 4.5 mm/s.
 */
import { Status, type StatusCode } from '../src/model/quality.ts';
import type { TagValue } from '../src/model/tag.ts';
import type { Random } from '../src/ports/clock.ts';

/** 36 minutes. */
export const MODEL_DURATION_MS = 2_160_000;

/** What the model says of one tag at one moment. */
export interface ModelReading {
  readonly value: TagValue;
  readonly status: StatusCode;
}

const NOMINAL_RPM = 1480;
const STEP_MS = 100;
/** Pump stops: planned standstills in line time, as shares of the whole. */
const STANDSTILLS = [
  [0, 0.03],
  [0.4, 0.425],
] as const;
const RAMP_MS = 15_000;
/** Speed setpoints that the cooling demand asks for, one after the other. */
const LOADS = [0.85, 1, 0.7, 0.92, 1, 0.8] as const;
const LOAD_MS = 150_000;

/** The line at a moment of its time; `stepTo` lets time pass. Deterministic for a given generator. */
export class LineModel {
  readonly #random: Random;
  readonly #durationMs: number;
  #atMs = 0;
  #readings: Readonly<Record<string, TagValue>> = {};

  #rpm = 0;
  #flow = 0;
  #winding = 24;
  #bearingDe = 23;
  #bearingNde = 23;
  #tankTemperature = 27;
  #level = 68;
  #volumeLitres = 9_007_199_312_345_678n;
  #runHours = 8123.4;
  #starts = 412;
  #energyKwh = 184_223.4;
  #demandW = 0;
  #demandMaxW = 31_000;
  #press = { state: 4, sinceMs: 0, reason: 0, processed: 120, defective: 3, rpm: 0, phase: 0, peak: 0 };
  #strokes = 48_112_903;
  #die = 31;
  #oil = 34;

  constructor(random: Random, durationMs = MODEL_DURATION_MS) {
    this.#random = random;
    this.#durationMs = durationMs;
    this.#read();
  }

  /** Let line time pass up to a moment. */
  stepTo(atMs: number): void {
    while (this.#atMs + STEP_MS <= atMs) {
      this.#atMs += STEP_MS;
      this.#stepPump();
      this.#stepPress();
      this.#read();
    }
  }

  /** Raw value and status of a tag, as its device holds it. */
  reading(device: string, name: string): ModelReading {
    const status = this.#statusOf(device, name);
    const value = this.#readings[`${device} ${name}`] ?? null;
    return { value: status >>> 30 === 2 ? null : value, status };
  }

  /** 0 new to about 1 at the end. */
  get wear(): number {
    const share = this.#atMs / this.#durationMs;
    const grown = Math.max(0, (share - 0.2) / 0.8);
    return (Math.exp(1.95 * grown) - 1) / (Math.exp(1.95) - 1);
  }

  /** Two sensors misbehave: a broken wire, and a flow meter with gas in the pipe. */
  #statusOf(device: string, name: string): StatusCode {
    const share = this.#atMs / this.#durationMs;
    if (device !== 'plc-1') return Status.Good;
    if (name === 'bearing_temperature_nde' && share > 0.33 && share < 0.342) return Status.Bad_SensorFailure;
    if (name === 'flow' && share > 0.55 && share < 0.558) return Status.Uncertain_EngineeringUnitsExceeded;
    return Status.Good;
  }

  #isRunRequested(): boolean {
    const share = this.#atMs / this.#durationMs;
    return !STANDSTILLS.some(([from, to]) => share >= from && share < to);
  }

  #stepPump(): void {
    const dt = STEP_MS / 1000;
    const isRequested = this.#isRunRequested();
    if (isRequested && this.#rpm < 1) this.#starts++;
    const target = isRequested ? NOMINAL_RPM * this.#load() : 0;
    const most = (NOMINAL_RPM / RAMP_MS) * STEP_MS;
    this.#rpm += Math.max(-most, Math.min(most, target - this.#rpm));
    const n = this.#rpm / NOMINAL_RPM;
    this.#flow += (118 * n * (1 + 0.04 * Math.sin(this.#atMs / 41_000)) - this.#flow) * Math.min(1, dt / 2);
    const power = this.#pumpPowerKw();
    this.#winding += ((24 + power * 1.35 - this.#winding) * dt) / 240;
    const friction = n * (14 + 32 * this.wear ** 1.3);
    this.#bearingDe += ((23 + friction + 0.12 * (this.#winding - 24) - this.#bearingDe) * dt) / 150;
    this.#bearingNde += ((23 + n * 12.5 + 0.1 * (this.#winding - 24) - this.#bearingNde) * dt) / 150;
    this.#level = 68 + 6 * Math.sin(this.#atMs / 190_000) - 2 * n;
    this.#tankTemperature += ((26 + 3 * n - this.#tankTemperature) * dt) / 400;
    this.#volumeLitres += BigInt(Math.round((this.#flow * STEP_MS) / 3600));
    if (n > 0.05) this.#runHours += dt / 3600;
    this.#energyKwh += (this.#linePowerW() / 1000) * (dt / 3600);
    this.#demandW += (this.#linePowerW() - this.#demandW) * (dt / 60);
    this.#demandMaxW = Math.max(this.#demandMaxW, this.#demandW);
  }

  #load(): number {
    return LOADS[Math.floor(this.#atMs / LOAD_MS) % LOADS.length] ?? 1;
  }

  #pumpPowerKw(): number {
    const n = this.#rpm / NOMINAL_RPM;
    return 31.5 * n ** 3 * (1 + 0.035 * this.wear) + (n > 0.01 ? 1.4 : 0);
  }

  #linePowerW(): number {
    return 4200 + this.#pumpPowerKw() * 1000 + (this.#press.rpm > 0 ? 9500 + this.#press.rpm * 210 : 1500);
  }

  /** PackML: idle, starting, execute; held when material runs out, aborted on overload, back by clearing and resetting. */
  #stepPress(): void {
    const press = this.#press;
    const inState = this.#atMs - press.sinceMs;
    const enter = (state: number, reason = press.reason) => {
      press.state = state;
      press.reason = reason;
      press.sinceMs = this.#atMs;
    };
    if (press.state === 4 && inState > 20_000) enter(3, 0);
    else if (press.state === 3 && inState > 4000) enter(6, 0);
    else if (press.state === 6 && inState > 240_000 && this.#random() < 0.002) enter(10, 21);
    else if (press.state === 6 && inState > 60_000 && this.#random() < 0.00006) enter(8, 31);
    else if (press.state === 6 && inState > 90_000 && this.#random() < 0.00025) enter(13, 11);
    else if (press.state === 10 && inState > 2000) enter(11);
    else if (press.state === 11 && inState > 35_000) enter(12, 0);
    else if (press.state === 12 && inState > 2000) enter(6, 0);
    else if (press.state === 13 && inState > 1000) enter(5);
    else if (press.state === 5 && inState > 12_000) enter(14, 0);
    else if (press.state === 14 && inState > 1000) enter(6, 0);
    else if (press.state === 8 && inState > 1000) enter(9);
    else if (press.state === 9 && inState > 45_000) enter(1);
    else if (press.state === 1 && inState > 3000) enter(2, 0);
    else if (press.state === 2 && inState > 8000) enter(15);
    else if (press.state === 15 && inState > 3000) enter(4);
    press.rpm = press.state === 6 ? 24 + this.#noise(0.05) : press.state === 3 ? Math.min(24, inState / 170) : 0;
    const before = press.phase;
    press.phase = (press.phase + (press.rpm / 60_000) * STEP_MS) % 1;
    if (press.phase < before) this.#stroke();
    this.#die += (31 + press.rpm * 1.1 - this.#die) * 0.0004;
    this.#oil += (34 + press.rpm * 0.5 - this.#oil) * 0.0003;
  }

  #stroke(): void {
    this.#strokes++;
    this.#press.processed++;
    this.#press.peak = 1180 + this.#noise(14);
    if (this.#random() < 0.012) this.#press.defective++;
  }

  /** Roughly normal, mean 0. */
  #noise(deviation: number): number {
    return deviation * (this.#random() + this.#random() + this.#random() + this.#random() - 2) * 1.732;
  }

  /** A measured value: noise and the resolution of the instrument. */
  #measured(value: number, deviation: number, resolution: number): number {
    return Math.round((value + this.#noise(deviation)) / resolution) * resolution;
  }

  #read(): void {
    // Between the fast instants only the fast instruments have new values.
    const isFull = this.#atMs % 1000 === 0;
    const all: Record<string, TagValue> = isFull ? {} : { ...this.#readings };
    const put = (device: string, values: Readonly<Record<string, TagValue>>) => {
      for (const [name, value] of Object.entries(values)) {
        all[`${device} ${name}`] = typeof value === 'number' ? Number(value.toPrecision(12)) : value;
      }
    };
    if (this.#atMs % 200 === 0) put('plc-1', this.#vibration());
    if (this.#atMs % 500 === 0) {
      put('plc-1', this.#bearingFeatures());
      put('press-1', this.#ram());
    }
    if (isFull) {
      put('plc-1', this.#pump());
      put('plc-1', this.#tank());
      put('meter-1', this.#meter());
      put('press-1', this.#pressPanel());
    }
    this.#readings = all;
  }

  #vibration(): Record<string, TagValue> {
    const n = this.#rpm / NOMINAL_RPM;
    // Passing the resonance of the base frame on the way up and down.
    const resonance = 1.1 * Math.exp(-(((n - 0.45) / 0.08) ** 2));
    const worn = 4.05 * this.wear;
    return {
      vibration_de: Math.max(0.02, this.#measured(n ** 1.5 * (1.2 + worn) + resonance, 0.02 + 0.045 * n, 0.001)),
      vibration_nde: Math.max(
        0.02,
        this.#measured(n ** 1.5 * (1.05 + 0.28 * worn) + resonance * 0.8, 0.02 + 0.04 * n, 0.001),
      ),
    };
  }

  #bearingFeatures(): Record<string, TagValue> {
    const n = this.#rpm / NOMINAL_RPM;
    const { wear } = this;
    // Kurtosis peaks with the first spalls and falls again when the whole race is worn.
    const impulsive = wear * Math.exp(1 - wear / 0.45) * 2.4;
    return {
      acceleration_de: Math.max(0.01, this.#measured(n ** 2 * (3.1 + 13 * wear), 0.12 * n + 0.01, 0.01)),
      kurtosis_de: this.#measured(3 + n * impulsive, 0.12, 0.01),
      crest_factor_de: this.#measured(3.4 + n * 1.25 * impulsive, 0.15, 0.01),
      envelope_de: Math.max(0, this.#measured(n * (0.12 + 2.7 * wear), 0.03 * n, 0.001)),
    };
  }

  #pump(): Record<string, TagValue> {
    const n = this.#rpm / NOMINAL_RPM;
    const isRequested = this.#isRunRequested();
    const power = this.#pumpPowerKw();
    const isRamping = Math.abs(this.#rpm - (isRequested ? NOMINAL_RPM * this.#load() : 0)) > 1;
    const suction = 0.62 + (this.#level - 68) * 0.004 - 0.12 * n ** 2;
    return {
      running: n > 0.05,
      run_command: isRequested,
      state: isRequested ? (n < 0.6 ? 1 : 2) : isRamping ? 3 : 0,
      speed: n > 0.001 ? this.#measured(this.#rpm, 0.8, 0.1) : 0,
      speed_setpoint: isRequested ? Math.round(NOMINAL_RPM * this.#load()) : 0,
      flow: Math.max(0, this.#measured(this.#flow, 0.35 * n, 0.1)),
      suction_pressure: this.#measured(suction, 0.004, 0.001),
      discharge_pressure: this.#measured(
        suction + 5.9 * n ** 2 - 0.9 * (this.#flow / 118) ** 2,
        0.012 * n + 0.002,
        0.001,
      ),
      seal_pressure: this.#measured(1.8 + 0.4 * n, 0.006, 0.001),
      motor_current: n > 0.01 ? this.#measured(18 + power * 1.55, 0.15, 0.01) : 0,
      motor_power: n > 0.01 ? this.#measured(power, 0.06, 0.01) : 0,
      motor_torque: n > 0.05 ? this.#measured((power * 9550) / this.#rpm, 0.5, 0.1) : 0,
      winding_temperature: this.#measured(this.#winding, 0.03, 0.1),
      bearing_temperature_de: this.#measured(this.#bearingDe, 0.03, 0.1),
      bearing_temperature_nde: this.#measured(this.#bearingNde, 0.03, 0.1),
      run_hours: Math.round(this.#runHours * 1000) / 1000,
      start_count: this.#starts,
      seal_leak: false,
      high_temperature: this.#bearingDe > 75,
      controller_mode: 'AUTO',
    };
  }

  #tank(): Record<string, TagValue> {
    return {
      level: this.#measured(this.#level, 0.05, 0.01),
      temperature: this.#measured(this.#tankTemperature, 0.01, 0.01),
      return_temperature: this.#measured(this.#tankTemperature + (4 * this.#flow) / 118, 0.02, 0.01),
      ambient_temperature: this.#measured(22.5 + 0.6 * Math.sin(this.#atMs / 600_000), 0.01, 0.1),
      conductivity: Math.round(812 + this.#noise(1)),
      valve_position: Math.round(35 + 45 * (this.#rpm / NOMINAL_RPM)),
      volume_total: this.#volumeLitres,
    };
  }

  #meter(): Record<string, TagValue> {
    const total = this.#linePowerW();
    const values: Record<string, TagValue> = {};
    const phases = [0.338, 0.329, 0.333];
    const sums = { power: 0, apparent: 0, reactive: 0, current: 0, voltage: 0 };
    phases.forEach((share, phase) => {
      const name = `l${phase + 1}`;
      const voltage = this.#measured(231.2 - phase * 0.6 - total / 60_000, 0.12, 0.01);
      const power = this.#measured(total * share, 9, 0.1);
      const factor = 0.86 + 0.03 * Math.min(1, total / 45_000);
      const apparent = power / factor;
      const reactive = Math.sqrt(Math.max(0, apparent ** 2 - power ** 2));
      Object.assign(values, {
        [`voltage_${name}`]: voltage,
        [`current_${name}`]: Math.round((apparent / voltage) * 1000) / 1000,
        [`power_${name}`]: power,
        [`apparent_power_${name}`]: Math.round(apparent * 10) / 10,
        [`reactive_power_${name}`]: Math.round(reactive * 10) / 10,
        [`power_factor_${name}`]: Math.round(factor * 10_000) / 10_000,
      });
      sums.power += power;
      sums.apparent += apparent;
      sums.reactive += reactive;
      sums.current += apparent / voltage;
      sums.voltage += voltage;
    });
    Object.assign(values, {
      voltage_average: Math.round((sums.voltage / 3) * 100) / 100,
      current_average: Math.round((sums.current / 3) * 1000) / 1000,
      current_sum: Math.round(sums.current * 1000) / 1000,
      power_total: Math.round(sums.power * 10) / 10,
      apparent_power_total: Math.round(sums.apparent * 10) / 10,
      reactive_power_total: Math.round(sums.reactive * 10) / 10,
      power_factor_total: Math.round((sums.power / sums.apparent) * 10_000) / 10_000,
      frequency: this.#measured(50, 0.008, 0.01),
      import_energy: Math.round(this.#energyKwh * 100) / 100,
      export_energy: 0,
      power_demand: Math.round(this.#demandW),
      power_demand_max: Math.round(this.#demandMaxW),
      voltage_l1_l2: this.#measured((sums.voltage / 3) * Math.sqrt(3), 0.2, 0.01),
      voltage_l2_l3: this.#measured((sums.voltage / 3) * Math.sqrt(3), 0.2, 0.01),
      voltage_l3_l1: this.#measured((sums.voltage / 3) * Math.sqrt(3), 0.2, 0.01),
    });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? Math.fround(value) : value]),
    );
  }

  #ram(): Record<string, TagValue> {
    const { phase, peak } = this.#press;
    const isPressing = phase > 0.45 && phase < 0.55;
    const force = isPressing ? peak * (1 - ((phase - 0.5) / 0.05) ** 2) : 0;
    return {
      peak_force: Math.round(peak * 10) / 10,
      ram_position: Math.round(2000 * (1 + Math.cos(2 * Math.PI * phase))),
      force_left: Math.round(Math.max(0, force * 5.02 + this.#noise(6))),
      force_right: Math.round(Math.max(0, force * 4.98 + this.#noise(6))),
    };
  }

  #pressPanel(): Record<string, TagValue> {
    const { state, reason, processed, defective, rpm } = this.#press;
    return {
      state_current: state,
      unit_mode: 1,
      stop_reason: reason,
      machine_speed: Math.round(rpm * 100) / 100,
      machine_speed_setpoint: 24,
      processed_count: processed,
      defective_count: defective,
      good_count: processed - defective,
      total_strokes: this.#strokes,
      cycle_time: rpm > 0 ? Math.round(60_000 / Math.max(1, rpm)) : 0,
      die_temperature: Math.round(this.#die * 10),
      oil_temperature: Math.round(this.#oil * 10),
      oil_pressure: Math.round(((rpm > 0 ? 148 : 90) + this.#noise(0.6)) * (27_648 / 250)),
      lubricant_level: Math.round(82 - this.#atMs / 400_000),
      guard_closed: state !== 9,
      light_curtain_free: state !== 5 && state !== 13,
      main_motor_on: rpm > 0,
      clutch_engaged: state === 6,
      overload: state === 8 || state === 9,
      emergency_stop_ok: true,
      material_present: state !== 10 && state !== 11,
      beacon: reason !== 0,
      order: `PO-${48_210 + Math.floor(this.#atMs / 900_000)}`,
    };
  }
}
