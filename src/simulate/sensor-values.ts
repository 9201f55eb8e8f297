/** Counts of a 16-bit converter. */
const LOW = -32_768;
const HIGH = 32_767;
/** Levels leave room for the slow wave and the noise. */
const LEVEL_RANGE = 56_000;
const NOISE_COUNTS = 12;

/** Measuring ranges of common transmitters, with the decimals at which one count still shows. */
const RANGES: readonly { readonly low: number; readonly high: number; readonly decimals: number }[] = [
  { low: 0, high: 100, decimals: 3 }, // level, %
  { low: 0, high: 16, decimals: 4 }, // pressure, bar
  { low: -50, high: 150, decimals: 3 }, // temperature, °C
  { low: 0, high: 3_000, decimals: 2 }, // speed, 1/min
  { low: 0, high: 400, decimals: 3 }, // voltage, V
  { low: 4, high: 20, decimals: 4 }, // loop current, mA
];

/**
 * Made-up sensors that look like real ones to a compressor: each has a level of its own over the whole range of a 16-bit converter, a
 * slow wave (1 to 10 minutes, 1 to 5 % of the range) and noise of up to ±12 counts with a triangular distribution; no value
 * equals the one before. The same every time for a seed.
 */
export class SensorValues {
  readonly #levels: Float64Array;
  readonly #waves: Float64Array;
  readonly #turnsPerSecond: Float64Array;
  readonly #last: Float64Array;
  #state: number;

  /** @param seed any integer; neighbours give sensors that have nothing in common */
  constructor(count: number, seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
    for (let turn = 0; turn < 8; turn++) this.#random();
    const fill = (make: () => number) => Float64Array.from({ length: count }, make);
    this.#levels = fill(() => (this.#random() - 0.5) * LEVEL_RANGE);
    this.#waves = fill(() => 650 + this.#random() * 2_600);
    this.#turnsPerSecond = fill(() => 1 / (60 + this.#random() * 540));
    this.#last = fill(() => Number.NaN);
  }

  /** The next value as the converter gives it: an integer of 16 bits with sign. @param seconds since any fixed time */
  counts(position: number, seconds: number): number {
    const turn = 2 * Math.PI * (seconds * (this.#turnsPerSecond[position] ?? 0) + position);
    const slow = (this.#levels[position] ?? 0) + (this.#waves[position] ?? 0) * Math.sin(turn);
    const noise = (this.#random() + this.#random() - 1) * NOISE_COUNTS;
    let counts = Math.max(LOW, Math.min(HIGH, Math.round(slow + noise)));
    if (counts === this.#last[position]) counts += counts < HIGH ? 1 : -1;
    this.#last[position] = counts;
    return counts;
  }

  /**
   * The next value in engineering units, as transmitters give it: counts over the measuring range, rounded to the 2 to 4 decimals at
   * which one count shows; ranges of six kinds take turns.
   */
  measured(position: number, seconds: number): number {
    const { low, high, decimals } = RANGES[position % RANGES.length] as (typeof RANGES)[number];
    const steps = 10 ** decimals;
    const value = low + ((this.counts(position, seconds) - LOW) / (HIGH - LOW)) * (high - low);
    return Math.round(value * steps) / steps;
  }

  /** xorshift32. Source: Marsaglia 2003, "Xorshift RNGs". */
  #random(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 4_294_967_296;
  }
}
