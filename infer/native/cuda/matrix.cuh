// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A matrix of weights in device memory, laid out for tensor cores: a lane's 16 bytes of a tile are
// what it hands to one mma instruction, and what it hands to four dp4a.
//
//     tile         16 rows x 32 bytes of columns (32 INT8, 16 BF16 or F16, 8 F32) = 512 bytes
//     lane         4 * group + four:
//                  | row group, bytes 8 four..+3 | row group + 8, the same |
//                  | row group, bytes 8 four + 4..+7 | row group + 8, the same |
//     chunk        4 tiles beside each other: 128 bytes of columns
//     levels       [row tile][chunk][4 tiles][512 bytes]
//     scales       [row tile][chunk][8 groups of lanes][groups of columns in a chunk]:
//                  a word each: | F16 of row group | F16 of row group + 8 |
//
// So an input row is read as it lies, 8 bytes a lane. Rows are padded to 32 (a panel), columns to
// chunks, with zeros.
#ifndef INFER_CUDA_MATRIX_CUH
#define INFER_CUDA_MATRIX_CUH

#include "launch.cuh"

extern "C" {
#include "../source.h"
}

#define TILE_ROWS 16
#define TILE_BYTES 512
#define CHUNK_TILES 4
#define CHUNK_BYTES 128 // of a row
#define TILES_PER_PANEL (PANEL_ROWS / TILE_ROWS)

struct device_matrix {
  const unsigned char *levels;
  const uint32_t *scales;
  int type;
  int rows;
  int columns;
  int group_size;   // 0 unless INT8
  int chunk_groups; // groups of columns in a chunk: 4, 2, 1; 0 unless INT8
  int chunks;
  int row_tiles;    // a multiple of TILES_PER_PANEL
};

// Bytes of one number as it is stored.
static inline __host__ __device__ int type_bytes(int type) {
  return type == INFER_F32 ? 4 : type == INFER_INT8 ? 1 : 2;
}

// Chunks of a row of so many numbers.
static inline __host__ __device__ int row_chunks(int type, int columns) {
  return (columns * type_bytes(type) + CHUNK_BYTES - 1) / CHUNK_BYTES;
}

// How the kernels see a matrix.
static inline device_matrix view_matrix(const matrix &m) {
  device_matrix view = {};
  view.type = m.type;
  view.rows = m.rows;
  view.columns = m.columns;
  view.group_size = m.group_size;
  view.chunk_groups = m.group_size ? CHUNK_BYTES / m.group_size : 0;
  view.chunks = row_chunks(m.type, m.columns);
  view.row_tiles = m.panels * TILES_PER_PANEL;
  view.levels = m.memory.data;
  view.scales = (const uint32_t *)(m.memory.data + (size_t)m.panels * m.panel_bytes);
  return view;
}

// Byte offset, among the levels, of the four bytes of `row` that begin at byte 4 * word of a chunk.
static inline __host__ __device__ size_t word_offset(int chunks, int row, int chunk, int word) {
  int within = row % TILE_ROWS;
  int lane = within % 8 * 4 + word % 8 / 2;
  int place = word % 2 * 2 + within / 8;
  size_t tile = ((size_t)(row / TILE_ROWS) * (size_t)chunks + (size_t)chunk) * CHUNK_TILES;
  return (tile + (size_t)(word / 8)) * TILE_BYTES + (size_t)(lane * 16 + place * 4);
}

// Offset in F16 of the scale of a row and a group of columns.
static inline __host__ __device__ size_t scale_offset(int chunks, int chunk_groups, int row,
                                                      int group) {
  int within = row % TILE_ROWS;
  size_t chunk = (size_t)(row / TILE_ROWS) * (size_t)chunks + (size_t)(group / chunk_groups);
  size_t word = (chunk * 8 + (size_t)(within % 8)) * (size_t)chunk_groups +
                (size_t)(group % chunk_groups);
  return 2 * word + (size_t)(within / 8);
}

#endif
