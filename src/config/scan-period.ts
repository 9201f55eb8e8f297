/** The shortest and the longest period that a tag may be read with, in ms. */
export const FASTEST_SCAN_MS = 10;
export const SLOWEST_SCAN_MS = 86_400_000;
