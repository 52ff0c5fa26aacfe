// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Products of many tokens by cuBLASLt, which knows nothing of groups: weights are written as plain
// rows, some thousand of them at a time, and multiplied from there.
//
//     INT8 weights   F16 rows * inputs in F16; 2^-6 of each, so that none is infinite
//     BF16, F16      the same numbers in rows * inputs as two numbers each, as wide kernels do
//     INT8, w8a8     levels with one scale a row * inputs as levels with one scale a token
//
// Products go straight to where they belong; those that are gated, have a bias or are integers go
// through `sums`. Which tokens are many is measured when a context is made (large_measure).
#ifndef INFER_CUDA_LARGE_CUH
#define INFER_CUDA_LARGE_CUH

#include "cublaslt.cuh"
#include "linear.cuh"

// Fewer tokens are never many.
#define LARGE_TOKENS_MIN 64
// Choices are made for twice as many tokens each, up to 2^20.
#define LARGE_BUCKETS 15
// Kinds of products whose choices are kept: a model has four, and its head.
#define LARGE_CHOICES_MAX 16
#ifdef INFER_CUDA_ON_HOST
// So that small products come in pieces as well.
#define LARGE_WEIGHT_BYTES ((size_t)16 << 10)
#define LARGE_SUM_BYTES ((size_t)16 << 10)
#else
#define LARGE_WEIGHT_BYTES ((size_t)64 << 20)
#define LARGE_SUM_BYTES ((size_t)128 << 20)
#endif
#define LARGE_PIECE_ROWS 32 // pieces of rows are multiples of it

enum large_use {
  LARGE_NEVER,
  LARGE_MEASURED, // where it was the faster one
  LARGE_ALWAYS,   // for LARGE_TOKENS_MIN tokens and more
};

// A product, and for which tokens it is large.
struct large_choice {
  int rows, columns, type, kind;
  bool is_large;    // the last that was measured
  uint32_t buckets; // bit i: from LARGE_TOKENS_MIN << i tokens on
};

// What a context has for them.
struct large_room {
  cublaslt *library;
  enum large_use use;
  bool is_w8a8;
  unsigned char *weights; // rows of a piece
  size_t weight_bytes;
  unsigned char *inputs; // [tokens][columns], F16 or INT8
  float *input_scales;   // [tokens], w8a8
  float *weight_scales;  // [rows of a piece], w8a8
  float *sums;           // [tokens][rows of a piece]
  size_t sum_bytes;
  size_t bytes; // of all these
  large_choice choices[LARGE_CHOICES_MAX];
  int choice_count;
  bool is_measuring; // products are timed when they are run
  float measured_ms; // so far
};

// What room the products of a model need, in bytes.
struct large_sizes {
  size_t weights, inputs, scales, sums;
};

// Makes the sizes fit a product of so many rows of all its matrices, and columns.
void large_fit(large_sizes *sizes, int tokens_max, int rows, int columns);

// Room of a device's products as the environment wants it; NULL where there is to be none.
int32_t large_make(struct infer_device *device, const large_sizes &sizes, int tokens_max,
                   large_room **made);

void large_drop(large_room *room);

// Bytes of device memory; of NULL none. What cuBLASLt allocates itself is not counted.
size_t large_bytes(const large_room *room);

// Whether nothing is measured, and all that can be is large.
bool large_is_always(const struct infer_device *device);

// Whether a product goes this way.
bool large_takes(const linear_args &args, const run_place &place);

// Multiplies; cudaErrorNotSupported, with nothing done, when cuBLASLt cannot.
cudaError_t large_run(const linear_args &args, const run_place &place);

// Times a product both ways and keeps the choice for so many tokens. The output is overwritten.
cudaError_t large_measure(const linear_args &args, const run_place &place);

// --- Between large.cu, large_room.cu and the kernels ---

// What was measured of such products; made when it is new, NULL when there are too many.
large_choice *large_choice_of(large_room *room, const linear_args &args);

// Whether such products can go this way at all; what cannot is not measured either.
bool large_can(const linear_args &args, const run_place &place);

// Which bit of a choice tokens are.
int large_bucket(int tokens);

// Inputs as F16 are this times what they are.
#define LARGE_INPUT_FACTOR 0.015625f

struct unpack_args {
  device_matrix matrix;
  int begin; // first row, a multiple of TILE_ROWS
  int rows;
  unsigned char *to; // [rows, whole tiles][columns, whole chunks]
  float *scales;     // w8a8: one a row; null: F16 of INT8, or halves as they are
};

struct input_args {
  const float *rows; // [tokens][stride]
  int stride;
  int columns;
  int padded;        // columns, whole chunks
  const float *norm; // as in round_args
  float epsilon;
  int tokens;
  int padded_tokens; // zeros from `tokens` on
  unsigned char *to; // [padded_tokens][padded]
  float *scales;     // w8a8: one a token; null: F16
};

// Gives the sums of one matrix's rows to where they belong.
struct finish_args {
  const float *sums; // [tokens][stride]; of w8a8 INT32
  int stride;
  const float *input_scales;  // w8a8; null: none
  const float *weight_scales; // of the rows
  const float *bias;          // null: none
  int other;                  // LINEAR_GATED: numbers from a row's sum to the second product's
  const float *other_bias;
  float *output; // [tokens][output_stride]
  int output_stride;
  enum linear_kind kind;
  int rows;
  int tokens;
};

cudaError_t unpack_run(const unpack_args &args, const run_place &place);
cudaError_t input_run(const input_args &args, const run_place &place);
cudaError_t finish_run(const finish_args &args, const run_place &place);

#endif
