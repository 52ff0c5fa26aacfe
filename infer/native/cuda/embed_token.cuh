// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a block does with a token.
#ifndef INFER_CUDA_EMBED_TOKEN_CUH
#define INFER_CUDA_EMBED_TOKEN_CUH

#include "embed.cuh"

// A word of a row of the embedding as numbers; row -1: zeros.
DEVICE_INLINE void embed_word(const embed_args &a, int row, int word, float *states) {
  const device_matrix &m = a.embedding;
  int chunk = word / 32, numbers = 4 / type_bytes(m.type), column = word * numbers;
  if (row < 0) {
    for (int i = 0; i < numbers && column + i < m.columns; i++) states[column + i] = 0;
    return;
  }
  uint32_t bits = *(const uint32_t *)(m.levels + word_offset(m.chunks, row, chunk, word % 32));
  float scale = 1;
  if (m.type == INFER_INT8) {
    const uint16_t *scales = (const uint16_t *)m.scales;
    int group = column / m.group_size;
    scale = f16_to_float(scales[scale_offset(m.chunks, m.chunk_groups, row, group)]);
  }
  for (int i = 0; i < numbers && column + i < m.columns; i++) {
    float number = __uint_as_float(bits);
    if (m.type == INFER_INT8) number = (float)(int8_t)(bits >> (8 * i)) * scale;
    if (m.type == INFER_BF16) number = bf16_to_float((uint16_t)(bits >> (16 * i)));
    if (m.type == INFER_F16) number = f16_to_float((uint16_t)(bits >> (16 * i)));
    states[column + i] = number;
  }
}

// States and turns of a token; all threads of a block.
DEVICE_INLINE void embed_token(const embed_args &a, int token) {
  int row = a.step.token_ids[token] - a.first_row;
  bool is_there = row >= 0 && row < a.embedding.rows;
  float *states = a.states + (size_t)token * (size_t)a.embedding.columns;
  for (int word = (int)threadIdx.x; word < a.embedding.chunks * 32; word += (int)blockDim.x) {
    embed_word(a, is_there ? row : -1, word, states);
  }
  int half = a.head_size / 2;
  float *turns = a.turns + (size_t)token * (size_t)a.head_size;
  for (int i = (int)threadIdx.x; i < half; i += (int)blockDim.x) {
    float2 turn = turn_of((float)a.step.positions[token] * a.frequencies[i], a.rope_scale);
    turns[i] = turn.x;
    turns[half + i] = turn.y;
  }
}

#endif
