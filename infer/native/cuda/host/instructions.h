// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Instructions that C++ has no word for: what a warp does together, and what CUDA names itself.
// What intrinsics.cuh names is in fragments.h.
#ifndef INFER_HOST_INSTRUCTIONS_H
#define INFER_HOST_INSTRUCTIONS_H

#include <stdio.h>
#include <stdlib.h>

#include <type_traits>

#include "block.h"

namespace host {

inline void check_mask(unsigned mask) {
  if (mask == 0xffffffffu) return;
  fprintf(stderr, "host emulation: a warp operation of the lanes %08x only\n", mask);
  abort();
}

inline void check_aligned(const void *at, uintptr_t bytes) {
  if (reinterpret_cast<uintptr_t>(at) % bytes == 0) return;
  fprintf(stderr, "host emulation: %p is not aligned to %d bytes\n", at, static_cast<int>(bytes));
  abort();
}

// What lane `from` shows.
template <class T>
T value_of(T value, int from) {
  static_assert(sizeof(T) % 4 == 0 && sizeof(T) <= 4 * LANE_WORDS, "whole words");
  uint32_t words[sizeof(T) / 4];
  memcpy(words, &value, sizeof value);
  const lane_slot *slots = exchange(words, sizeof(T) / 4);
  memcpy(&value, slots[from & (WARP_LANES - 1)].words, sizeof value);
  return value;
}

}  // namespace host

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  host::check_mask(mask);
  int begin = host::lane() / width * width;
  return host::value_of(value, begin + (from & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  host::check_mask(mask);
  int from = host::lane() ^ bits;
  return host::value_of(value, from / width > host::lane() / width ? host::lane() : from);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  host::check_mask(mask);
  int from = host::lane() + static_cast<int>(by);
  return host::value_of(value, from / width != host::lane() / width ? host::lane() : from);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  host::check_mask(mask);
  int from = host::lane() - static_cast<int>(by);
  bool isOutside = from < 0 || from / width != host::lane() / width;
  return host::value_of(value, isOutside ? host::lane() : from);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  host::check_mask(mask);
  uint32_t word = predicate != 0;
  const host::lane_slot *slots = host::exchange(&word, 1);
  unsigned bits = 0;
  for (int i = 0; i < host::WARP_LANES; i++) bits |= slots[i].words[0] << i;
  return bits;
}
static inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
static inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == 0xffffffffu;
}

// One thread at a time: any memory access is atomic.
template <class T>
T atomicAdd(T *at, std::common_type_t<T> value) {
  T old = *at;
  *at = old + value;
  return old;
}
template <class T>
T atomicMax(T *at, std::common_type_t<T> value) {
  T old = *at;
  if (value > old) *at = value;
  return old;
}
template <class T>
T atomicMin(T *at, std::common_type_t<T> value) {
  T old = *at;
  if (value < old) *at = value;
  return old;
}
template <class T>
T atomicExch(T *at, std::common_type_t<T> value) {
  T old = *at;
  *at = value;
  return old;
}
template <class T>
T atomicCAS(T *at, std::common_type_t<T> expected, std::common_type_t<T> value) {
  T old = *at;
  if (old == expected) *at = value;
  return old;
}
// The CUDA one: counts to `last`, then begins again.
static inline unsigned atomicInc(unsigned *at, unsigned last) {
  unsigned old = *at;
  *at = old >= last ? 0 : old + 1;
  return old;
}

static inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; i++) {
    sum += static_cast<int8_t>(a >> 8 * i) * static_cast<int8_t>(b >> 8 * i);
  }
  return sum;
}
static inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  uint64_t bytes = static_cast<uint64_t>(high) << 32 | low;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    unsigned select = selector >> 4 * i & 0xf;
    unsigned byte = static_cast<unsigned>(bytes >> 8 * (select & 7)) & 0xff;
    if (select & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32);
}

template <class To, class From>
To host_bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "of one size");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
static inline unsigned __float_as_uint(float x) { return host_bits<unsigned>(x); }
static inline int __float_as_int(float x) { return host_bits<int>(x); }
static inline float __uint_as_float(unsigned x) { return host_bits<float>(x); }
static inline float __int_as_float(int x) { return host_bits<float>(x); }
static inline int __float2int_rn(float x) { return static_cast<int>(lrintf(x)); }
static inline float __int2float_rn(int x) { return static_cast<float>(x); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float x) { return 1 / x; }
static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
template <class T>
T __ldg(const T *at) { return *at; }
template <class T>
T __ldcs(const T *at) { return *at; }

// The system's headers take their names for themselves.
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)

template <class T>
T min(T a, std::common_type_t<T> b) { return b < a ? b : a; }
template <class T>
T max(T a, std::common_type_t<T> b) { return b > a ? b : a; }

#endif
