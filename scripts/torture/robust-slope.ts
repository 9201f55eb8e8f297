/** A slope, and the bounds between which it is at a confidence of 95 %, if the points are independent. */
export interface RobustSlope {
  readonly slope: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The slope of points that lie about a line, some of them far off.
 * @returns the median of the slopes of all pairs; without a pair 0, unbounded
 * @source P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, 1968; the bounds in §4
 */
export function robustSlope(points: readonly (readonly [x: number, y: number])[]): RobustSlope {
  const slopes: number[] = [];
  points.forEach(([x1, y1], i) => {
    for (const [x2, y2] of points.slice(i + 1)) if (x2 !== x1) slopes.push((y2 - y1) / (x2 - x1));
  });
  slopes.sort((a, b) => a - b);
  const n = points.length;
  const spread = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  return {
    slope: slopes[slopes.length >>> 1] ?? 0,
    low: slopes[Math.floor((slopes.length - spread) / 2)] ?? Number.NEGATIVE_INFINITY,
    high: slopes[Math.ceil((slopes.length + spread) / 2)] ?? Number.POSITIVE_INFINITY,
  };
}
