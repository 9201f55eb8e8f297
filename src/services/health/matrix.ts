/** A symmetric matrix, row by row, of `size` × `size` numbers. */
export interface SymmetricMatrix {
  readonly size: number;
  readonly cells: Float64Array;
}

/**
 * The inverse of a positive definite matrix by Cholesky factors.
 * @returns null when it is not positive definite
 * @source Golub, Van Loan: Matrix Computations, 4th ed., §4.2
 */
export function inverseOf({ size, cells }: SymmetricMatrix): SymmetricMatrix | null {
  const at = (row: number, column: number) => row * size + column;
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = cells[at(row, column)] as number;
      for (let k = 0; k < column; k++) sum -= (lower[at(row, k)] as number) * (lower[at(column, k)] as number);
      if (row === column) {
        if (!(sum > 1e-12)) return null;
        lower[at(row, row)] = Math.sqrt(sum);
      } else lower[at(row, column)] = sum / (lower[at(column, column)] as number);
    }
  }
  const inverse = new Float64Array(size * size);
  const solved = new Float64Array(size);
  for (let unit = 0; unit < size; unit++) {
    for (let row = 0; row < size; row++) {
      let sum = row === unit ? 1 : 0;
      for (let k = 0; k < row; k++) sum -= (lower[at(row, k)] as number) * (solved[k] as number);
      solved[row] = sum / (lower[at(row, row)] as number);
    }
    for (let row = size - 1; row >= 0; row--) {
      let sum = solved[row] as number;
      for (let k = row + 1; k < size; k++) sum -= (lower[at(k, row)] as number) * (inverse[at(k, unit)] as number);
      inverse[at(row, unit)] = sum / (lower[at(row, row)] as number);
    }
  }
  return { size, cells: inverse };
}

/** matrix × vector. */
export function times({ size, cells }: SymmetricMatrix, vector: Float64Array): Float64Array {
  const product = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let column = 0; column < size; column++)
      sum += (cells[row * size + column] as number) * (vector[column] as number);
    product[row] = sum;
  }
  return product;
}
