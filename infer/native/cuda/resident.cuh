// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A step of one token as one kernel that stays on the GPU through all layers: its blocks, one a
// multiprocessor, do what the kernels of step_view.cuh do, and wait for each other where those end.
//
//     embed | heads | attend | output | gate | down | heads | ...            | vocabulary
//           ^       ^        ^        ^      ^      ^  all blocks wait
//
// Weights are nobody's output. A block that waits fetches those which it multiplies next into
// shared memory, as many as its rings hold, and `lead_bytes` of them into the second cache: memory
// is read while blocks meet, norm and attend, which is what the kernel is for. Numbers are those of
// the kernels it stands for, to the bit: the same functions, the same order of sums.
//
// Taken for one sequence with one token, weights of one type, not F32, keys and values that
// attend_tiles takes, one GPU; see resident_room.cu for when.
#ifndef INFER_CUDA_RESIDENT_CUH
#define INFER_CUDA_RESIDENT_CUH

#include "attend_plan.cuh"
#include "embed.cuh"
#include "linear.cuh"
#include "place.cuh"

// Products of a layer: of queries, keys and values; of what attention gives; gate and up; down.
#define RESIDENT_PRODUCTS 4

// A step as the kernel sees it.
struct resident_args {
  embed_args embed;
  place_args put;               // but for the layer
  attend_plan look;             // the same
  const product_args *products; // [layers][RESIDENT_PRODUCTS], then the vocabulary's
  const place_layer *layers;
  int layer_count;
  int lead_bytes;    // of weights that a block fetches ahead
  int ring_offset;   // of the rings behind the products
  int ring_depth;
  unsigned *meeting; // 0 at first; a step leaves it fit for the next
};

// What the kernel is chosen by.
struct resident_kind {
  int type;         // of all weights
  int chunk_groups; // of theirs
  int head_size;
  int kv_type;
  int stages;       // of attention
};

// How shared memory is laid out.
struct resident_layout {
  size_t bytes;
  int ring_offset;
  int ring_depth;
};

// For such products and heads, so that it fits the GPU if it can.
resident_layout resident_lay_out(const resident_kind &kind, const product_args *products,
                                 int count, int sharing, const run_place &place);

// cudaErrorNotSupported where not all blocks can run at once.
cudaError_t resident_check(const resident_kind &kind, const resident_layout &layout,
                           const run_place &place);

cudaError_t resident_run(const resident_kind &kind, const resident_args &args,
                         const resident_layout &layout, const run_place &place);

// --- Between resident.cu and the kernels ---

typedef void (*resident_kernel)(resident_args);
resident_kernel resident_int8(const resident_kind &kind);
resident_kernel resident_half(const resident_kind &kind);

#endif
