// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How large products are cut into pieces, and when they are taken.
#include "large.cuh"

#include <string.h>

// cuBLASLt takes integers by multiples of 4, and is faster by 16.
#define INT8_TOKENS_MULTIPLE 16
#define OUTPUT_ALIGNMENT_MAX 128

// Rows of one matrix in a piece.
struct piece_part {
  int job;
  int begin; // first row
  int rows;
  int at;    // first row in the piece
};

// Rows that are multiplied at once.
struct product_piece {
  piece_part parts[LINEAR_JOBS_MAX];
  int part_count;
  int rows; // whole tiles but for the last
};

// A product as all its pieces see it.
struct large_product {
  const linear_args *args;
  const run_place *place;
  large_room *room;
  int type;         // of cuBLASLt
  int columns;      // whole chunks
  int tokens;       // with those that fill up
  int input_stride;
  bool has_remains; // inputs are two numbers each
  bool is_direct;   // no sums
  const unsigned char *inputs;
};

static int round_up(int count, int to) { return (count + to - 1) / to * to; }

static int least(size_t a, size_t b) { return (int)(a < b ? a : b); }

void large_fit(large_sizes *sizes, int tokens_max, int rows, int columns) {
  // Whole chunks of any type.
  size_t row_bytes = (size_t)round_up(columns, CHUNK_BYTES) * 2;
  size_t tokens = (size_t)round_up(tokens_max, INT8_TOKENS_MULTIPLE);
  // Two halves of a gated product, each whole pieces.
  size_t padded = (size_t)round_up(rows, LARGE_PIECE_ROWS) + 2 * LARGE_PIECE_ROWS;
  size_t fewest = 2 * LARGE_PIECE_ROWS;
  size_t weights = padded * row_bytes, sums = padded * tokens * sizeof(float);
  if (weights > LARGE_WEIGHT_BYTES) weights = LARGE_WEIGHT_BYTES;
  if (weights < fewest * row_bytes) weights = fewest * row_bytes;
  if (sums > LARGE_SUM_BYTES) sums = LARGE_SUM_BYTES;
  if (sums < fewest * tokens * sizeof(float)) sums = fewest * tokens * sizeof(float);
  if (sizes->weights < weights) sizes->weights = weights;
  if (sizes->sums < sums) sizes->sums = sums;
  if (sizes->inputs < tokens * row_bytes) sizes->inputs = tokens * row_bytes;
  if (sizes->scales < padded * sizeof(float)) sizes->scales = padded * sizeof(float);
}

static int count_rows(const linear_args &args) {
  int rows = 0;
  for (int i = 0; i < args.job_count; i++) rows += args.jobs[i].matrix.rows;
  return rows;
}

large_choice *large_choice_of(large_room *room, const linear_args &args) {
  const device_matrix &m = args.jobs[0].matrix;
  int rows = count_rows(args);
  for (int i = 0; i < room->choice_count; i++) {
    large_choice *choice = &room->choices[i];
    if (choice->rows == rows && choice->columns == m.columns && choice->type == m.type &&
        choice->kind == (int)args.kind) {
      return choice;
    }
  }
  if (room->choice_count == LARGE_CHOICES_MAX) return NULL;
  large_choice *made = &room->choices[room->choice_count++];
  *made = {rows, m.columns, m.type, (int)args.kind, false, 0};
  return made;
}

int large_bucket(int tokens) {
  int bucket = 0;
  while (bucket < LARGE_BUCKETS - 1 && LARGE_TOKENS_MIN << (bucket + 1) <= tokens) bucket++;
  return bucket;
}

bool large_can(const linear_args &args, const run_place &place) {
  int type = args.jobs[0].matrix.type;
  if (args.tokens < LARGE_TOKENS_MIN || args.chosen || args.normed) return false;
  return type != INFER_F32 && (type != INFER_BF16 || place.compute >= 80);
}

bool large_takes(const linear_args &args, const run_place &place) {
  large_room *room = args.room.large;
  const device_matrix &m = args.jobs[0].matrix;
  if (!room || room->use == LARGE_NEVER || place.is_deterministic) return false;
  if (!large_can(args, place)) return false;
  if (room->use == LARGE_ALWAYS || (room->is_w8a8 && m.type == INFER_INT8)) return true;
  const large_choice *choice = large_choice_of(room, args);
  return choice && (choice->buckets >> large_bucket(args.tokens) & 1) != 0;
}

// The largest power of two that the output's address and its rows are multiples of.
static int output_alignment(const float *output, int stride) {
  uintptr_t bits = (uintptr_t)output | (uintptr_t)stride * sizeof(float) | OUTPUT_ALIGNMENT_MAX;
  return (int)(bits & (~bits + 1));
}

// Whether the next matrix may stand in the same piece: its products must be beside the last's.
static bool joins(const large_product &p, int job) {
  if (!p.is_direct) return true;
  const linear_job &last = p.args->jobs[job - 1];
  return last.matrix.rows % TILE_ROWS == 0 &&
         p.args->jobs[job].output == last.output + last.matrix.rows;
}

// Fills a piece from `job` and its row `begin` on, and moves both behind it.
static product_piece cut_piece(const large_product &p, int *job, int *begin) {
  const linear_args &args = *p.args;
  int row_bytes = p.columns * (p.type == CUBLASLT_INT8 ? 1 : 2);
  size_t rows_max = p.room->weight_bytes / (size_t)row_bytes;
  size_t sums_max = p.room->sum_bytes / sizeof(float) / (size_t)p.tokens;
  int most = least(rows_max, p.is_direct ? rows_max : sums_max);
  int jobs = args.kind == LINEAR_GATED ? 1 : args.job_count;
  if (args.kind == LINEAR_GATED) most /= 2;
  most = most / LARGE_PIECE_ROWS * LARGE_PIECE_ROWS;
  product_piece piece = {};
  while (*job < jobs && piece.rows < most) {
    if (piece.part_count > 0 && !joins(p, *job)) break;
    int left = args.jobs[*job].matrix.rows - *begin, room = most - piece.rows;
    piece_part part = {*job, *begin, left < room ? left : room, piece.rows};
    piece.parts[piece.part_count++] = part;
    piece.rows += round_up(part.rows, TILE_ROWS);
    *begin += part.rows;
    if (part.rows < left) break;
    *job += 1;
    *begin = 0;
  }
  if (args.kind == LINEAR_GATED) {
    piece_part up = piece.parts[0];
    up.job = 1;
    up.at = piece.rows;
    piece.parts[piece.part_count++] = up;
    piece.rows *= 2;
  }
  return piece;
}

static cublaslt_shape shape_of(const large_product &p, const product_piece &piece) {
  const piece_part &last = piece.parts[piece.part_count - 1];
  cublaslt_shape shape = {};
  shape.type = p.type;
  // Behind the last row of a direct product is somebody else's number.
  shape.rows = p.is_direct ? last.at + last.rows : piece.rows;
  shape.tokens = p.tokens;
  shape.columns = p.columns;
  shape.input_stride = p.input_stride;
  shape.output_stride = p.is_direct ? p.args->output_stride : piece.rows;
  const piece_part &first = piece.parts[0];
  const float *output =
      p.is_direct ? p.args->jobs[first.job].output + first.begin : p.room->sums;
  shape.alignment = output_alignment(output, shape.output_stride);
  return shape;
}

static cudaError_t unpack_piece(const large_product &p, const product_piece &piece) {
  size_t row_bytes = (size_t)p.columns * (p.type == CUBLASLT_INT8 ? 1 : 2);
  for (int i = 0; i < piece.part_count; i++) {
    const piece_part &part = piece.parts[i];
    unpack_args unpack = {};
    unpack.matrix = p.args->jobs[part.job].matrix;
    unpack.begin = part.begin;
    unpack.rows = part.rows;
    unpack.to = p.room->weights + (size_t)part.at * row_bytes;
    if (p.type == CUBLASLT_INT8) unpack.scales = p.room->weight_scales + part.at;
    RETURN_IF_FAILED(unpack_run(unpack, *p.place));
  }
  return cudaSuccess;
}

static cudaError_t finish_piece(const large_product &p, const product_piece &piece) {
  const linear_args &args = *p.args;
  int parts = args.kind == LINEAR_GATED ? 1 : piece.part_count;
  for (int i = 0; i < parts; i++) {
    const piece_part &part = piece.parts[i];
    const linear_job &job = args.jobs[part.job];
    finish_args finish = {};
    finish.sums = p.room->sums + part.at;
    finish.stride = piece.rows;
    if (p.type == CUBLASLT_INT8) {
      finish.input_scales = p.room->input_scales;
      finish.weight_scales = p.room->weight_scales + part.at;
    }
    finish.bias = job.bias ? job.bias + part.begin : NULL;
    if (args.kind == LINEAR_GATED) {
      finish.other = piece.parts[1].at;
      finish.other_bias = args.jobs[1].bias ? args.jobs[1].bias + part.begin : NULL;
    }
    finish.output = job.output + part.begin;
    finish.output_stride = args.output_stride;
    finish.kind = args.kind;
    finish.rows = part.rows;
    finish.tokens = args.tokens;
    RETURN_IF_FAILED(finish_run(finish, *p.place));
  }
  return cudaSuccess;
}

static cudaError_t multiply_piece(const large_product &p, const product_piece &piece) {
  const cublaslt_plan *plan = cublaslt_find(p.room->library, shape_of(p, piece));
  if (!plan) return cudaErrorNotSupported;
  RETURN_IF_FAILED(unpack_piece(p, piece));
  const piece_part &first = piece.parts[0];
  float *output = p.is_direct ? p.args->jobs[first.job].output + first.begin : p.room->sums;
  bool is_added = p.is_direct && p.args->kind == LINEAR_ADDED;
  float factor = p.type == CUBLASLT_F16 && !p.has_remains ? 1 / LARGE_INPUT_FACTOR : 1;
  cudaStream_t stream = p.place->stream;
  RETURN_IF_FAILED(cublaslt_run(p.room->library, *plan, factor, is_added, p.room->weights,
                                p.inputs, output, stream));
  if (p.has_remains) {
    const unsigned char *remains = p.inputs + (size_t)p.columns * 2;
    RETURN_IF_FAILED(cublaslt_run(p.room->library, *plan, factor, true, p.room->weights, remains,
                                  output, stream));
  }
  return p.is_direct ? cudaSuccess : finish_piece(p, piece);
}

// Writes the inputs as the weights want them.
static cudaError_t prepare_inputs(const large_product &p) {
  const linear_args &args = *p.args;
  if (p.has_remains) return linear_prepare(args, true, *p.place);
  input_args input = {};
  input.rows = args.rows;
  input.stride = args.stride;
  input.columns = args.jobs[0].matrix.columns;
  input.padded = p.columns;
  input.norm = args.norm;
  input.epsilon = args.epsilon;
  input.tokens = args.tokens;
  input.padded_tokens = p.tokens;
  input.to = p.room->inputs;
  if (p.type == CUBLASLT_INT8) input.scales = p.room->input_scales;
  return input_run(input, *p.place);
}

static large_product product_of(const linear_args &args, const run_place &place) {
  const device_matrix &m = args.jobs[0].matrix;
  large_product p = {};
  p.args = &args;
  p.place = &place;
  p.room = args.room.large;
  bool is_int8 = m.type == INFER_INT8, is_levels = is_int8 && p.room->is_w8a8;
  p.type = is_levels ? CUBLASLT_INT8 : m.type == INFER_BF16 ? CUBLASLT_BF16 : CUBLASLT_F16;
  p.columns = m.chunks * (CHUNK_BYTES / type_bytes(m.type));
  p.tokens = is_levels ? round_up(args.tokens, INT8_TOKENS_MULTIPLE) : args.tokens;
  p.has_remains = !is_int8;
  p.input_stride = p.columns * (p.has_remains ? 2 : 1);
  p.is_direct = !is_levels && args.kind != LINEAR_GATED;
  for (int i = 0; i < args.job_count; i++) p.is_direct = p.is_direct && !args.jobs[i].bias;
  p.inputs = p.has_remains ? args.room.rounded : p.room->inputs;
  return p;
}

cudaError_t large_run(const linear_args &args, const run_place &place) {
  large_product p = product_of(args, place);
  // cuBLASLt's own kernels wait for nothing: those before them must have ended.
  run_place in_order = place;
  in_order.overlaps = false;
  p.place = &in_order;
  int jobs = args.kind == LINEAR_GATED ? 1 : args.job_count;
  // All or nothing: what is added cannot be added again.
  for (int job = 0, begin = 0; job < jobs;) {
    product_piece piece = cut_piece(p, &job, &begin);
    if (!cublaslt_find(p.room->library, shape_of(p, piece))) return cudaErrorNotSupported;
  }
  RETURN_IF_FAILED(prepare_inputs(p));
  for (int job = 0, begin = 0; job < jobs;) {
    RETURN_IF_FAILED(multiply_piece(p, cut_piece(p, &job, &begin)));
  }
  return cudaSuccess;
}
