// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How chunks of weights and inputs come into the stages of a wide kernel; see wide.cuh.
#ifndef INFER_CUDA_WIDE_SENDER_CUH
#define INFER_CUDA_WIDE_SENDER_CUH

#include "linear.cuh"

#define WIDE_STAGES 3
#define CHUNK_LEVELS (CHUNK_TILES * TILE_BYTES)

template <class MATH, int EIGHTS, int PANELS>
struct wide_shape {
  static constexpr int THREADS = 64 * PANELS, TOKENS = 16 * EIGHTS;
  static constexpr int SCALE_WORDS = 8 * MATH::GROUPS; // of a tile's chunk
  static constexpr int SCALES_AT = PANELS * 2 * CHUNK_LEVELS;
  static constexpr int INPUT_AT = SCALES_AT + PANELS * 2 * SCALE_WORDS * 4;
  static constexpr int INPUT_SCALES_AT = INPUT_AT + TOKENS * CHUNK_BYTES;
  static constexpr int STAGE_BYTES = INPUT_SCALES_AT + MATH::GROUPS * TOKENS * 4;
  static constexpr int SHARED_BYTES = WIDE_STAGES * STAGE_BYTES;
};

// Where a 16-byte piece of an input row lies: turned about so that 4 rows hit all banks.
DEVICE_INLINE int input_piece(int row, int piece) {
  return row * CHUNK_BYTES + ((piece ^ (row % 4 * 2)) * 16);
}

// The matrix and row tile of half of a unit.
DEVICE_INLINE const linear_job &unit_tile(const product_args &a, int unit, int half, int *tile) {
  if (a.kind == LINEAR_GATED) {
    *tile = unit;
    return a.jobs[half];
  }
  int job = 0;
#pragma unroll
  for (int i = 0; i + 1 < LINEAR_JOBS_MAX; i++) job += unit >= a.unit_ends[i];
  *tile = 2 * (unit - (job == 0 ? 0 : a.unit_ends[job - 1])) + half;
  return a.jobs[job];
}

// The 16-byte pieces that a thread sends for, the same of every chunk: where those of chunk 0 are
// (NULL: nothing there, zeros).
template <class MATH, int EIGHTS, int PANELS>
struct wide_sender {
  using shape = wide_shape<MATH, EIGHTS, PANELS>;
  static constexpr int LEVEL_PIECES = PANELS * 2 * CHUNK_LEVELS / 16 / shape::THREADS;
  static constexpr int INPUT_PIECES = shape::TOKENS * 8 / shape::THREADS;
  static constexpr int SCALE_PIECES = PANELS * 2 * shape::SCALE_WORDS / 4;         // of the block
  static constexpr int INPUT_SCALE_PIECES = MATH::GROUPS * shape::TOKENS / 4;      // of the block
  const unsigned char *levels[LEVEL_PIECES];
  const unsigned char *inputs[INPUT_PIECES];
  const unsigned char *scales;
  const unsigned char *input_scales;
  int weight_chunks;        // inputs may have the columns twice
  size_t input_scale_step;  // bytes from a chunk's to the next's

  DEVICE_MEMBER void prepare(const product_args &a, int first_unit, int first) {
    const int thread = (int)threadIdx.x;
    weight_chunks = a.jobs[0].matrix.chunks;
    input_scale_step = (size_t)(MATH::GROUPS * a.scale_stride) * sizeof(float);
#pragma unroll
    for (int i = 0; i < LEVEL_PIECES; i++) {
      int piece = thread + i * shape::THREADS, slot = piece / (CHUNK_LEVELS / 16), tile;
      int unit = first_unit + slot / 2;
      levels[i] = NULL;
      if (unit >= a.units) continue;
      const device_matrix &m = unit_tile(a, unit, slot % 2, &tile).matrix;
      levels[i] = m.levels + (size_t)tile * (size_t)weight_chunks * CHUNK_LEVELS +
                  piece % (CHUNK_LEVELS / 16) * 16;
    }
    constexpr int SLOT_PIECES = MATH::GROUPS > 0 ? shape::SCALE_WORDS / 4 : 1;
    int scale_slot = thread / SLOT_PIECES;
    scales = NULL;
    if (thread < SCALE_PIECES && first_unit + scale_slot / 2 < a.units) {
      int tile;
      const device_matrix &m =
          unit_tile(a, first_unit + scale_slot / 2, scale_slot % 2, &tile).matrix;
      scales = (const unsigned char *)(m.scales + (size_t)tile * (size_t)weight_chunks *
                                                      shape::SCALE_WORDS) +
               thread % SLOT_PIECES * 16;
    }
#pragma unroll
    for (int i = 0; i < INPUT_PIECES; i++) {
      int piece = thread + i * shape::THREADS, token = first + piece / 8;
      size_t at = (size_t)token * (size_t)a.chunks * CHUNK_BYTES;
      inputs[i] = token < a.tokens ? a.rounded + at + piece % 8 * 16 : NULL;
    }
    input_scales = NULL;
    if (thread < INPUT_SCALE_PIECES) {
      int group = thread * 4 / shape::TOKENS, token = first + thread * 4 % shape::TOKENS;
      size_t at = (size_t)group * (size_t)a.scale_stride + (size_t)token;
      if (token < a.tokens) input_scales = (const unsigned char *)(a.scales + at);
    }
  }

  // Copies a piece, or zeros; an address must be good even when nothing is read.
  DEVICE_MEMBER static void send(unsigned char *to, const unsigned char *from, size_t offset,
                                 const void *anywhere) {
    copy_async_16(to, from ? from + offset : anywhere, from != NULL);
  }

  DEVICE_MEMBER void send_weights(int chunk, unsigned char *stage, const void *anywhere) const {
    const int thread = (int)threadIdx.x;
    const int own = chunk < weight_chunks ? chunk : chunk - weight_chunks;
#pragma unroll
    for (int i = 0; i < LEVEL_PIECES; i++) {
      send(stage + (thread + i * shape::THREADS) * 16, levels[i], (size_t)own * CHUNK_LEVELS,
           anywhere);
    }
    if (thread < SCALE_PIECES) {
      send(stage + shape::SCALES_AT + thread * 16, scales, (size_t)(own * shape::SCALE_WORDS * 4),
           anywhere);
    }
  }

  DEVICE_MEMBER void send_inputs(int chunk, unsigned char *stage, const void *anywhere) const {
    const int thread = (int)threadIdx.x;
#pragma unroll
    for (int i = 0; i < INPUT_PIECES; i++) {
      int piece = thread + i * shape::THREADS;
      send(stage + shape::INPUT_AT + input_piece(piece / 8, piece % 8), inputs[i],
           (size_t)chunk * CHUNK_BYTES, anywhere);
    }
    if (thread < INPUT_SCALE_PIECES) {
      send(stage + shape::INPUT_SCALES_AT + thread * 16, input_scales,
           (size_t)chunk * input_scale_step, anywhere);
    }
  }
};

#endif
