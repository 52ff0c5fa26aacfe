// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The other half of intrinsics.cuh: the same functions for the processor. Where a
// lane's part of a tile lies is as the PTX manual says (9.7.14, matrix fragments), on its own and
// not by what the kernels expect.
#ifndef INFER_HOST_FRAGMENTS_H
#define INFER_HOST_FRAGMENTS_H

#include "half_types.h"

#define DYNAMIC_SHARED(name) unsigned char *name = host::dynamic_shared()
#define HAS_AMPERE 1
#define HAS_ADA 0 // what is done without it is proved here
#define HAS_HOPPER 1

DEVICE_INLINE void wait_for_earlier_kernels() {}
DEVICE_INLINE void let_next_kernel_begin() {}

DEVICE_INLINE void barrier_of(int number, int threads) { host::sync_some(number, threads); }
DEVICE_INLINE void add_released(unsigned *to, unsigned value) { *to += value; }
DEVICE_INLINE unsigned load_acquired(const unsigned *from) { return *from; }
DEVICE_INLINE void watch(const unsigned *at, unsigned mask, unsigned seen) {
  host::watch(at, mask, seen);
}

// Reads both ends, so that the address sanitizer sees what is no memory.
DEVICE_INLINE void prefetch(const void *from, int bytes, int lane) {
  if (lane != 0 || bytes == 0) return;
  host::check_aligned(from, 16);
  if (bytes % 16 != 0) abort();
  auto at = static_cast<const volatile unsigned char *>(from);
  (void)at[0], (void)at[bytes - 1];
}

DEVICE_INLINE uint4 load_streamed(const void *from) {
  host::check_aligned(from, 16);
  return *static_cast<const uint4 *>(from);
}

DEVICE_INLINE float4 load_fresh(const float4 *from) {
  host::check_aligned(from, 16);
  return *from;
}

DEVICE_INLINE void copy_async_16(void *shared, const void *global, bool is_there) {
  host::check_aligned(shared, 16);
  host::check_aligned(global, 16);
  host::copy_later(shared, global, is_there ? 16 : 0, 16);
}
DEVICE_INLINE void copy_async_commit() { host::commit_copies(); }
template <int PENDING>
DEVICE_INLINE void copy_async_wait() {
  host::wait_copies(PENDING);
}

namespace host {

// Two 16-bit numbers of a row of each of four tiles, or of a column.
inline void load_tile_words(uint32_t tiles[4], const void *row, bool isTurned) {
  check_aligned(row, 16);
  uint64_t address = reinterpret_cast<uintptr_t>(row);
  const uint32_t words[2] = {static_cast<uint32_t>(address), static_cast<uint32_t>(address >> 32)};
  const lane_slot *slots = exchange(words, 2);
  auto number = [&](int tile, int r, int column) {
    const uint32_t *w = slots[8 * tile + r].words;
    auto at = reinterpret_cast<const uint16_t *>(static_cast<uint64_t>(w[1]) << 32 | w[0]);
    return static_cast<uint32_t>(at[column]);
  };
  int group = lane() / 4, pair = lane() % 4 * 2;
  for (int tile = 0; tile < 4; tile++) {
    uint32_t low = isTurned ? number(tile, pair, group) : number(tile, group, pair);
    uint32_t high = isTurned ? number(tile, pair + 1, group) : number(tile, group, pair + 1);
    tiles[tile] = high << 16 | low;
  }
  // Nobody writes there before all have read.
  sync_warp();
}

// Registers 0..3 of all lanes hold a [16][k], 4..5 b [8][k]; a register has so many `numbers`.
struct fragments {
  const lane_slot *slots;
  template <class Number>
  Number a(int row, int k, int numbers) const {
    int word = row / 8 + k / (4 * numbers) * 2;
    return part<Number>(4 * (row % 8) + k / numbers % 4, word, k % numbers);
  }
  template <class Number>
  Number b(int row, int k, int numbers) const {
    return part<Number>(4 * row + k / numbers % 4, 4 + k / (4 * numbers), k % numbers);
  }
  template <class Number>
  Number part(int lane, int word, int index) const {
    Number number;
    memcpy(&number, reinterpret_cast<const char *>(&slots[lane].words[word]) +
                        static_cast<size_t>(index) * sizeof number, sizeof number);
    return number;
  }
};

inline fragments show(const uint32_t a[4], uint32_t b0, uint32_t b1) {
  const uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
  return {exchange(words, 6)};
}

template <float (*WIDEN)(uint16_t)>
void mma_16_bits(float sums[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
  fragments all = show(a, b0, b1);
  int group = lane() / 4, pair = lane() % 4 * 2;
  for (int i = 0; i < 4; i++) {
    // The order of the sum is not defined; F64 stands for any.
    double sum = sums[i];
    for (int k = 0; k < 16; k++) {
      sum += static_cast<double>(WIDEN(all.a<uint16_t>(group + i / 2 * 8, k, 2))) *
             static_cast<double>(WIDEN(all.b<uint16_t>(pair + i % 2, k, 2)));
    }
    sums[i] = static_cast<float>(sum);
  }
}

}  // namespace host

DEVICE_INLINE void load_tiles(uint32_t tiles[4], const void *row) {
  host::load_tile_words(tiles, row, false);
}
DEVICE_INLINE void load_tiles_turned(uint32_t tiles[4], const void *row) {
  host::load_tile_words(tiles, row, true);
}

DEVICE_INLINE int dot_4(int a, int b, int sum) { return __dp4a(a, b, sum); }

DEVICE_INLINE void mma_s8(int sums[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                          uint32_t b0, uint32_t b1) {
  const uint32_t a[4] = {a0, a1, a2, a3};
  host::fragments all = host::show(a, b0, b1);
  int group = host::lane() / 4, pair = host::lane() % 4 * 2;
  for (int i = 0; i < 4; i++) {
    for (int k = 0; k < 32; k++) {
      sums[i] += all.a<int8_t>(group + i / 2 * 8, k, 4) * all.b<int8_t>(pair + i % 2, k, 4);
    }
  }
}
DEVICE_INLINE void mma_f16(float sums[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
  host::mma_16_bits<half_to_float>(sums, a, b0, b1);
}
DEVICE_INLINE void mma_bf16(float sums[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
  host::mma_16_bits<bfloat_to_float>(sums, a, b0, b1);
}

#endif
