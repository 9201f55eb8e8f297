/** A bug that somebody might write: one change of one source file. */
export interface Mutant {
  readonly file: string;
  /** Stands once in the file. */
  readonly from: string;
  readonly to: string;
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {};
