// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A matrix of weights, `rows` outputs of `columns` inputs, row by row. */
export type Matrix = FloatMatrix | GroupMatrix;

/** A matrix of plain numbers. */
export interface FloatMatrix {
  /** Tells it from the other kind. */
  readonly kind: "float32";
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
  /** `rows` times `columns`. */
  readonly values: Float32Array;
}

/**
 * A matrix of INT8 levels with a scale for each group of a row; `value = level * scale`.
 *
 *     row    | group 0 | group 1 | ... | tail: columns % groupSize |
 *     scales |    s    |    s    | ... |            s              |
 */
export interface GroupMatrix {
  /** Tells it from the other kind. */
  readonly kind: "int8";
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
  /** Levels that share a scale. */
  readonly groupSize: number;
  /** `rows` times `columns`. */
  readonly levels: Int8Array;
  /** `rows` times {@linkcode groupsOf}; each is a float16, exactly. */
  readonly scales: Float32Array;
}

/** Groups of a row; the last one may be shorter. */
export function groupsOf(columns: number, groupSize: number): number {
  return Math.ceil(columns / groupSize);
}

/** One row as plain numbers. */
export function readRow(matrix: Matrix, row: number, into: Float32Array): void {
  const { columns } = matrix;
  const begin = row * columns;
  if (matrix.kind === "float32") {
    into.set(matrix.values.subarray(begin, begin + columns));
    return;
  }
  const { groupSize, levels, scales } = matrix;
  const firstScale = row * groupsOf(columns, groupSize);
  for (let i = 0; i < columns; i++) {
    into[i] = levels[begin + i]! * scales[firstScale + Math.floor(i / groupSize)]!;
  }
}

/** A matrix as plain numbers. */
export function toFloatMatrix(matrix: Matrix): FloatMatrix {
  if (matrix.kind === "float32") return matrix;
  const { rows, columns } = matrix;
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    readRow(matrix, row, values.subarray(row * columns, (row + 1) * columns));
  }
  return { kind: "float32", rows, columns, values };
}
