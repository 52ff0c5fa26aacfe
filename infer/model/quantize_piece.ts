// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { decodeFloats, type FloatType } from "./float_format.ts";
import { quantizeRows } from "./group_quantize.ts";
import type { TensorInfo } from "./tensor.ts";
import { WeightFiles } from "./weight_files.ts";
import { writeAt } from "./write_at.ts";

/** Some rows of a matrix to be quantised, from one file into another. */
export interface QuantizeJob {
  /** Floating point. */
  readonly tensor: TensorInfo & { readonly type: FloatType };
  /** First row. */
  readonly begin: number;
  /** How many rows. */
  readonly rows: number;
  /** Weights that share a scale. */
  readonly groupSize: number;
  /** The file to write to. */
  readonly path: string;
  /** Where in it the first row's levels go. */
  readonly levelsOffset: number;
  /** Where in it the first row's scales go. */
  readonly scalesOffset: number;
}

/**
 * Does a job, on a worker: nothing but the job's description crosses the threads.
 *
 * @returns why the numbers cannot be quantised, or null
 */
export function quantizePiece(job: QuantizeJob): string | null {
  const { tensor, begin, rows, groupSize, path } = job;
  const columns = tensor.shape[1]!;
  const rowBytes = tensor.byteLength / tensor.shape[0]!;
  using files = new WeightFiles();
  const bytes = files.readTensor(tensor, begin * rowBytes, rows * rowBytes);
  using out = Deno.openSync(path, { write: true });
  try {
    const { levels, scales } = quantizeRows(decodeFloats(tensor.type, bytes), columns, groupSize);
    writeAt(out, job.levelsOffset, new Uint8Array(levels.buffer));
    writeAt(out, job.scalesOffset, new Uint8Array(scales.buffer));
    return null;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}
