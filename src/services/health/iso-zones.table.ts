/**
 * Limits A/B, B/C and C/D of vibration velocity RMS, 10–1000 Hz, in mm/s, by machine group and mount.
 * Source: ISO 10816-3:2009, Tables A.1 and A.2.
 */
export const ISO_10816_3_LIMITS = {
  1: { rigid: [2.3, 4.5, 7.1], flexible: [3.5, 7.1, 11.0] },
  2: { rigid: [1.4, 2.8, 4.5], flexible: [2.3, 4.5, 7.1] },
} as const satisfies Record<number, Record<'rigid' | 'flexible', readonly [number, number, number]>>;
