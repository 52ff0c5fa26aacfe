// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Which kernels a product takes.
#include "linear.cuh"

#include "large.cuh"
#include "narrow.cuh"

// Up to so many tokens every block norms and rounds the input for itself; from there on one more
// kernel is cheaper.
#define FUSED_TOKENS_MAX 2
// Narrow kernels take no more tokens, even where shared memory has room.
#define INT8_TOKENS_MAX 16
#define FLOAT_TOKENS_MAX 8

// Most tokens that a narrow kernel takes: what shared memory holds; 0: none.
static int narrow_tokens_max(const device_matrix &m, const run_place &place) {
  int tokens = m.type == INFER_INT8 ? INT8_TOKENS_MAX : FLOAT_TOKENS_MAX;
  size_t most = (size_t)place.shared_bytes_max;
  while (tokens > 0 && narrow_shared_bytes(m.type, m.chunks, m.chunk_groups, tokens, 2) > most) {
    tokens /= 2;
  }
  // Tensor cores take eight.
  return m.type == INFER_INT8 && tokens == 4 ? 2 : tokens;
}

static bool takes_narrow(const linear_args &args, const device_matrix &m, const run_place &place) {
  // BF16 has no tensor cores before sm_80, F32 none at all; both sum alike for any tokens.
  if (m.type == INFER_F32 || (m.type == INFER_BF16 && place.compute < 80)) return true;
  return !place.is_deterministic && args.tokens <= narrow_tokens_max(m, place);
}

// Units of 16 rows for narrow kernels, of 32 for wide ones; with gate and up, of 16 of each.
static void count_units(product_args *to, const linear_args &args, bool is_narrow) {
  int unit_rows = is_narrow || args.kind == LINEAR_GATED ? TILE_ROWS : 2 * TILE_ROWS;
  int jobs = args.kind == LINEAR_GATED ? 1 : args.job_count;
  for (int i = 0; i < LINEAR_JOBS_MAX; i++) {
    if (i < jobs) to->units += (args.jobs[i].matrix.rows + unit_rows - 1) / unit_rows;
    to->unit_ends[i] = to->units;
  }
}

cudaError_t linear_prepare(const linear_args &args, bool is_rounded, const run_place &place) {
  const device_matrix &m = args.jobs[0].matrix;
  round_args round = {};
  round.rows = args.rows;
  round.stride = args.stride;
  round.columns = m.columns;
  round.chosen = args.chosen;
  round.norm = args.norm;
  round.epsilon = args.epsilon;
  round.type = m.type;
  round.group_size = m.group_size;
  round.chunks = m.chunks;
  round.rounded = is_rounded ? args.room.rounded : NULL;
  round.scales = args.room.scales;
  round.scale_stride = args.room.scale_stride;
  round.normed = args.normed ? args.normed : is_rounded ? NULL : args.room.normed;
  round.tokens = args.tokens;
  return round_run(round, place);
}

static cudaError_t run_kernel(const product_args &product, const device_matrix &m, bool is_narrow,
                              const run_place &place) {
  if (m.type == INFER_INT8) {
    return is_narrow ? narrow_int8_run(product, place) : wide_int8_run(product, place);
  }
  if (!is_narrow) return wide_half_run(product, m.type, place);
  int tokens_max = narrow_tokens_max(m, place);
  // Rows of F32 that no shared memory holds: a hundred thousand numbers.
  if (tokens_max == 0) return cudaErrorInvalidValue;
  return narrow_float_run(product, m.type, tokens_max, place);
}

static product_args product_of(const linear_args &args, bool is_narrow) {
  const device_matrix &m = args.jobs[0].matrix;
  product_args product = {};
  for (int i = 0; i < LINEAR_JOBS_MAX; i++) product.jobs[i] = args.jobs[i];
  count_units(&product, args, is_narrow);
  product.kind = args.kind;
  product.output_stride = args.output_stride;
  product.tokens = args.tokens;
  product.chunks = is_narrow ? m.chunks : rounded_chunks(m.type, m.chunks);
  product.chunk_groups = m.chunk_groups;
  product.rounded = args.room.rounded;
  product.scales = args.room.scales;
  product.scale_stride = args.room.scale_stride;
  product.columns = m.columns;
  product.group_size = m.group_size;
  product.sums = args.room.sums;
  product.tickets = args.room.tickets;
  return product;
}

// The input is normed and rounded by the product's own kernel.
static void set_input(product_args *product, const linear_args &args) {
  product->rows = args.rows;
  product->stride = args.stride;
  product->norm = args.norm;
  product->epsilon = args.epsilon;
}

product_args narrow_product(const linear_args &args) {
  product_args product = product_of(args, true);
  set_input(&product, args);
  product.normed = args.normed;
  return product;
}

cudaError_t linear_run(const linear_args &args, const run_place &place) {
  if (args.tokens == 0) return cudaSuccess;
  if (args.room.large && args.room.large->is_measuring) return large_measure(args, place);
  if (large_takes(args, place)) {
    cudaError_t error = large_run(args, place);
    if (error != cudaErrorNotSupported) return error;
  }
  const device_matrix &m = args.jobs[0].matrix;
  bool is_narrow = takes_narrow(args, m, place);
  bool is_rounded = m.type == INFER_INT8 || !is_narrow;
  product_args product = product_of(args, is_narrow);
  bool is_plain = !args.chosen && !args.normed;
  bool has_nothing_to_do = is_plain && !args.norm && !is_rounded;
  bool is_fused = is_narrow && is_plain && args.tokens <= FUSED_TOKENS_MAX;
  if (is_fused || has_nothing_to_do) {
    set_input(&product, args);
  } else {
    RETURN_IF_FAILED(linear_prepare(args, is_rounded, place));
    if (!is_rounded) {
      product.rows = args.normed ? args.normed : args.room.normed;
      product.stride = m.columns;
    }
  }
  return run_kernel(product, m, is_narrow, place);
}
