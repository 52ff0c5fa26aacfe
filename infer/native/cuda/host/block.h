// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A grid of kernel threads on the processor: every thread of a block is a fiber, blocks run one
// after the other, or all in turns where they wait for each other. What a GPU would do wrong by
// chance fails here always:
//
//     a barrier that some threads never reach,     the program ends and names the threads
//     or blocks that wait for each other for ever
//     memory nobody has written                    0xff bytes, NaN as a float
//     memory outside an allocation                 found by -fsanitize=address
//     a copy that is read before it is waited for  0xff bytes
//     an order that no barrier enforces            warps, and blocks that are alive at once, take
//                                                  turns in the order of a seed: INFER_HOST_SEED
//                                                  gives others
//
// Limits: a block has a multiple of 32 threads, every warp operation takes all 32 lanes, and only
// blocks of a grid that runs together can wait for each other. Those must not have variables in
// `__shared__`, for there is one of each (see cuda_runtime.h).
#ifndef INFER_HOST_BLOCK_H
#define INFER_HOST_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include <functional>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace host {

// Words that a lane can show its warp at a time.
constexpr int LANE_WORDS = 16;
constexpr int WARP_LANES = 32;

struct lane_slot {
  uint32_t words[LANE_WORDS];
};

// The thread that runs.
struct thread_view {
  uint3 thread, block;
  dim3 threads, blocks;
};
extern thread_view *current;

// Runs `body` once for every thread of the grid. `dynamic_bytes` of shared memory a block.
// `is_together`: all blocks are alive at once, as in a cooperative launch.
void run_grid(dim3 blocks, dim3 threads, size_t dynamic_bytes, const std::function<void()> &body,
              bool is_together = false);

// The dynamic shared memory of the block.
unsigned char *dynamic_shared();

// All threads of the block that have not ended.
void sync_block();

// The same, with the sum of all values.
int sync_block_sum(int value);

// So many threads of the block; barriers with numbers are apart.
void sync_some(int barrier, int threads);

// Waits until the bits of `mask` at `at` are no more `seen`.
void watch(const unsigned *at, unsigned mask, unsigned seen);

// All lanes of the warp.
void sync_warp();

// Shows `count` words to the warp; returns what all lanes show, good until the next but one.
const lane_slot *exchange(const uint32_t *words, int count);

int lane();

// Copies that are done when they are waited for: `bytes` from a source, zeros up to `room`.
void copy_later(void *to, const void *from, int bytes, int room);
void commit_copies();
// All but the last `pending` groups of this thread.
void wait_copies(int pending);

}  // namespace host

#endif
