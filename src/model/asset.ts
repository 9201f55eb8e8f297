/** An ISA-95 location of 1 to N levels, joined by `/`: `acme/hamburg/press-shop/line-3/press-7`. */
export type AssetPath = string;

/** One level of an asset path, a tag name, a device name, a group name: no dot, so `/` and `.` map both ways. */
const SEGMENT_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** True for 1 to 64 of letters, digits, `_` and `-`. */
export function isSegment(text: string): boolean {
  return SEGMENT_PATTERN.test(text);
}

/** True for 1 to 16 segments joined by `/`. */
export function isAssetPath(text: string): boolean {
  const levels = text.split('/');
  return levels.length <= 16 && levels.every(isSegment);
}

/** The nearest legal segment to what was written, to propose in an error: `Motor.Current (A)` → `Motor_Current_A`. */
export function proposeSegment(text: string): string {
  const proposed = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 64);
  return proposed === '' ? 'unnamed' : proposed;
}
