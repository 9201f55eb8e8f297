import { InvalidArgumentError } from 'commander';

/** A number within bounds, for commander. */
export function numberOption(from: number, to: number, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < from || value > to) {
      throw new InvalidArgumentError(`Expected ${what} from ${from} to ${to}.`);
    }
    return value;
  };
}

/** A whole number within bounds. */
export function wholeOption(from: number, to: number, what: string): (text: string) => number {
  const parse = numberOption(from, to, what);
  return (text) => {
    const value = parse(text);
    if (!Number.isInteger(value))
      throw new InvalidArgumentError(`Expected ${what}: a whole number from ${from} to ${to}.`);
    return value;
  };
}

/** A duration in seconds, or with a unit (`500ms`, `30s`, `5min`, `1h`). @returns milliseconds */
export function durationOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?$/.exec(text.trim());
  const factors = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
  const value = match === null ? Number.NaN : Number(match[1]) * factors[(match[2] ?? 's') as keyof typeof factors];
  if (!(value > 0 && value <= 366 * 86_400_000))
    throw new InvalidArgumentError('Expected a duration such as 30, 500ms, 5min or 1h.');
  return value;
}

/** A short time in milliseconds, or with a unit (`200`, `200ms`, `2s`), also none at all. @returns milliseconds */
export function millisOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s)?$/.exec(text.trim());
  const value = match === null ? Number.NaN : Number(match[1]) * (match[2] === 's' ? 1_000 : 1);
  if (!(value <= 60_000)) throw new InvalidArgumentError('Expected a time up to 60s, such as 200 (ms), 200ms or 2s.');
  return value;
}

/** Options that may be repeated. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
