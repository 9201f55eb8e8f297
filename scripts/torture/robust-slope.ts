/**
 * The slope of points that lie about a line, some of them far off.
 * @returns the median of the slopes of all pairs; 0 for less than two points
 * @source P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, 1968
 */
export function robustSlope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes: number[] = [];
  points.forEach(([x1, y1], i) => {
    for (const [x2, y2] of points.slice(i + 1)) if (x2 !== x1) slopes.push((y2 - y1) / (x2 - x1));
  });
  slopes.sort((a, b) => a - b);
  return slopes[slopes.length >>> 1] ?? 0;
}
