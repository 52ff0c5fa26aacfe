// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Products of weights with a few or many tokens: output [tokens][rows] = input * weights^T.
//
//     narrow   up to 16 tokens (8 where weights are not INT8): weights are streamed once, straight
//              into registers; a block takes a row tile, its warps shares of the columns. One or
//              two tokens use dp4a, more of them tensor cores; the input is normed and rounded in
//              the same kernel where that is cheaper than one more kernel.
//     wide     more tokens: tiles in shared memory, filled while the ones before are multiplied;
//              few rows split the columns among blocks, and the last one sums up in order.
//     large    many tokens, where cuBLASLt is there and was measured to be faster: large.cuh.
#ifndef INFER_CUDA_LINEAR_CUH
#define INFER_CUDA_LINEAR_CUH

#include "matrix.cuh"
#include "round.cuh"
#include "step_view.cuh"

#define LINEAR_JOBS_MAX 3

enum linear_kind {
  LINEAR_STORED, // output = product + bias
  LINEAR_ADDED,  // output += product + bias
  LINEAR_GATED,  // output = silu(product of jobs[0] + bias) * (product of jobs[1] + bias)
};

// One matrix; those of a call share their input, type and group size.
struct linear_job {
  device_matrix matrix;
  const float *bias; // null: none
  float *output;     // [tokens][output_stride]
};

// What products need beside their operands; a context has one of each.
struct linear_room {
  unsigned char *rounded; // [tokens][widest rounded_chunks]
  float *scales;          // [widest row in groups][scale_stride]
  int scale_stride;       // tokens, a multiple of 128
  float *normed;          // [tokens][widest]
  float *sums;            // LINEAR_SUMS_BYTES
  unsigned *tickets;      // LINEAR_TICKETS, zeros between calls
  struct large_room *large; // null: no large products
};

#define LINEAR_TICKETS 512
#define LINEAR_SUMS_BYTES ((size_t)32 << 20)

struct linear_args {
  linear_job jobs[LINEAR_JOBS_MAX];
  int job_count;
  enum linear_kind kind;
  int output_stride;
  int tokens;
  // The input, as round_args has it:
  const float *rows;
  int stride;
  const int32_t *chosen;
  const float *norm;
  float epsilon;
  float *normed; // where the normed rows are wanted; null: nowhere
  linear_room room;
};

// Multiplies: rounds the input if that is not part of the product, then one or more kernels.
cudaError_t linear_run(const linear_args &args, const run_place &place);

// --- Between linear.cu and the kernels ---

// Norms, and rounds where it is said, in a kernel of its own.
cudaError_t linear_prepare(const linear_args &args, bool is_rounded, const run_place &place);

// A call as its kernels see it.
struct product_args {
  linear_job jobs[LINEAR_JOBS_MAX];
  int unit_ends[LINEAR_JOBS_MAX]; // units of the jobs before and of this one
  int units;      // pieces of rows: what they are is the kernel's
  enum linear_kind kind;
  int output_stride;
  int tokens;
  int chunks; // of the input
  int chunk_groups;
  // Rounded already (or F32 rows as they are):
  const unsigned char *rounded;
  const float *scales;
  int scale_stride;
  // To be rounded here, where `rows` is not null:
  const float *rows;
  int stride;
  int columns;
  const float *norm;
  float epsilon;
  int group_size;
  float *normed; // written by the first block, see linear_args; null: nowhere
  // Wide only:
  int splits;
  int chunks_per_split;
  float *sums;
  unsigned *tickets;
};

// A product of one token whose blocks norm and round the input for themselves.
product_args narrow_product(const linear_args &args);

// The kernels of each kind of weights. Narrow floats take tokens by so many at a time.
cudaError_t narrow_int8_run(const product_args &args, const run_place &place);
cudaError_t narrow_float_run(const product_args &args, int type, int tokens_max,
                             const run_place &place);
cudaError_t wide_int8_run(const product_args &args, const run_place &place);
cudaError_t wide_half_run(const product_args &args, int type, const run_place &place);

// --- Device code that both kernels use ---

// Dots are summed from here on: as a float it is 2^23 * 1.5 + the dot, which takes one subtraction
// where a conversion takes four times as long. Exact for dots under 2^22: 128 * 128 * 128 is 2^21.
#define DOT_BEGIN 0x4b400000

DEVICE_INLINE float dot_value(int dot) { return __int_as_float(dot) - 12582912.0f; }

// The two F16 of a word of scales.
DEVICE_INLINE float2 scale_pair(uint32_t word) {
  return make_float2(f16_to_float((uint16_t)(word & 0xffff)), f16_to_float((uint16_t)(word >> 16)));
}

DEVICE_INLINE float silu(float x) { return x / (1.0f + expf(-x)); }

// Puts one number of a product where it belongs; `other` is the second product of LINEAR_GATED.
DEVICE_INLINE void give_product(const linear_job *jobs, const linear_job &job,
                                enum linear_kind kind, int stride, int token, int row,
                                float value, float other) {
  if (row >= job.matrix.rows) return;
  if (job.bias) value += job.bias[row];
  float *to = job.output + (size_t)token * (size_t)stride + (size_t)row;
  if (kind == LINEAR_GATED) {
    if (jobs[1].bias) other += jobs[1].bias[row];
    value = silu(value) * other;
  } else if (kind == LINEAR_ADDED) {
    value += *to;
  }
  *to = value;
}

#endif
