// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Instructions that C++ has no word for, each behind a function. No other file holds inline PTX, so
// that the kernels compile for the host as well (INFER_CUDA_ON_HOST), where tests prove them.
//
//     mma_*     one warp multiplies a tile:  sums [16][8] += a [16][k] * b [8][k]^T
//               lane = 4 * group + four:     a rows `group`, `group + 8`; b row `group`;
//               sums[0..1] = [group][2 * four + 0..1], sums[2..3] = [group + 8][the same]
#ifndef INFER_CUDA_INTRINSICS_CUH
#define INFER_CUDA_INTRINSICS_CUH

#include <stdint.h>

#include <cuda_runtime.h>

#define DEVICE_INLINE static __device__ __forceinline__
// The same for members of a struct.
#define DEVICE_MEMBER __device__ __forceinline__

#ifdef INFER_CUDA_ON_HOST
#include "host/fragments.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>

// The block's dynamic shared memory, as `unsigned char NAME[]`.
#define DYNAMIC_SHARED(name) extern __shared__ __align__(128) unsigned char name[]

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define HAS_AMPERE 1
#else
#define HAS_AMPERE 0
#endif
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
#define HAS_ADA 1
#else
#define HAS_ADA 0
#endif
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define HAS_HOPPER 1
#else
#define HAS_HOPPER 0
#endif

// --- Order of kernels ---

// Waits until all kernels before this one on the stream are done and their writes are seen. EVERY
// kernel calls it in all threads, before it reads what an earlier one wrote and before it writes
// anything; what comes before the call overlaps with the earlier kernel (sm_90).
DEVICE_INLINE void wait_for_earlier_kernels() {
#if HAS_HOPPER
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel begin to be scheduled, as far as there is room.
DEVICE_INLINE void let_next_kernel_begin() {
#if HAS_HOPPER
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// --- Threads and blocks that wait for each other ---

// A barrier of so many threads of the block: whole warps, with a number of their own. 0 is that of
// __syncthreads.
DEVICE_INLINE void barrier_of(int number, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

// Adds to a word that others watch; they see then what this thread has seen and written.
DEVICE_INLINE void add_released(unsigned *to, unsigned value) {
  asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(to), "r"(value) : "memory");
}

DEVICE_INLINE unsigned load_acquired(const unsigned *from) {
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(from) : "memory");
  return value;
}

// Looks at a word that are some ten seconds.
#define WATCH_LOOKS_MAX (1 << 24)

// Waits until the bits of `mask` are no more `seen`: only where all blocks are alive at once. What
// never comes ends the kernel with an error.
DEVICE_INLINE void watch(const unsigned *at, unsigned mask, unsigned seen) {
  for (int looks = 0; (load_acquired(at) & mask) == seen; looks++) {
    if (looks == WATCH_LOOKS_MAX) __trap();
  }
}

// --- Loads ---

// Fetches memory into the second cache, all lanes of a warp together: from a multiple of 16 on.
DEVICE_INLINE void prefetch(const void *from, int bytes, int lane) {
#if HAS_HOPPER
  if (lane != 0 || bytes == 0) return;
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
#else
  for (int at = lane * 128; at < bytes; at += 32 * 128) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"((const char *)from + at));
  }
#endif
}

// 16 bytes of weights: read once in a step, so they leave the first cache alone.
DEVICE_INLINE uint4 load_streamed(const void *from) {
  uint4 v;
#if HAS_AMPERE
  asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from));
#else
  asm volatile("ld.global.nc.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from));
#endif
  return v;
}

// 16 bytes that another block wrote in this kernel: not from the first cache.
DEVICE_INLINE float4 load_fresh(const float4 *from) { return __ldcg(from); }

// 16 bytes from global to shared memory, or zeros when `is_there` is false; both 16-byte aligned.
// Seen after copy_async_wait and a barrier.
DEVICE_INLINE void copy_async_16(void *shared, const void *global, bool is_there) {
#if HAS_AMPERE
  uint32_t to = (uint32_t)__cvta_generic_to_shared(shared);
  int bytes = is_there ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes)
               : "memory");
#else
  *(uint4 *)shared = is_there ? *(const uint4 *)global : make_uint4(0, 0, 0, 0);
#endif
}

// Ends a batch of copies.
DEVICE_INLINE void copy_async_commit() {
#if HAS_AMPERE
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most PENDING of this thread's batches are on their way.
template <int PENDING>
DEVICE_INLINE void copy_async_wait() {
#if HAS_AMPERE
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#endif
}

// Four 8x8 tiles of 16-bit numbers from shared memory; lane l gives the address of row l % 8 of
// tile l / 8 (16 bytes), and gets numbers 2 * (l % 4) + 0..1 of row l / 4 of each.
DEVICE_INLINE void load_tiles(uint32_t tiles[4], const void *row) {
  uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(at)
               : "memory");
}

// The same with each tile turned: the lane gets numbers of column l / 4.
DEVICE_INLINE void load_tiles_turned(uint32_t tiles[4], const void *row) {
  uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
               : "r"(at)
               : "memory");
}

// --- Products ---

// sum + the dot product of four signed bytes each.
DEVICE_INLINE int dot_4(int a, int b, int sum) { return __dp4a(a, b, sum); }

// INT8, k = 32: a[0], a[2] = row `group`, bytes 4 * four + 0..3 and 16 + those; a[1], a[3] the same
// of row `group + 8`; b[0], b[1] the same bytes of b's row `group`.
DEVICE_INLINE void mma_s8(int sums[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                          uint32_t b0, uint32_t b1) {
#if HAS_AMPERE
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
#else
  const uint32_t a[4] = {a0, a1, a2, a3}, b[2] = {b0, b1};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+r"(sums[i % 2 * 2]), "+r"(sums[i % 2 * 2 + 1])
                 : "r"(a[i]), "r"(b[i / 2]));
  }
#endif
}

// F16 with sums in F32, k = 16: a[0], a[2] = row `group`, numbers 2 * four + 0..1 and 8 + those;
// a[1], a[3] the same of row `group + 8`; b[0], b[1] the same numbers of b's row `group`.
DEVICE_INLINE void mma_f16(float sums[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
#if HAS_AMPERE
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  const uint32_t b[2] = {b0, b1};
#pragma unroll
  for (int i = 0; i < 2; i++) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
        "{%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
  }
#endif
}

// The same with BF16. Nothing below sm_80 has it: the host must not launch such a kernel there.
DEVICE_INLINE void mma_bf16(float sums[4], const uint32_t a[4], uint32_t b0, uint32_t b1) {
#if HAS_AMPERE
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  (void)sums, (void)a, (void)b0, (void)b1;
  __trap();
#endif
}

#endif // INFER_CUDA_ON_HOST

// --- 16-bit numbers, by their bits; rounded to the nearest, halves to even ---

DEVICE_INLINE float f16_to_float(uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
DEVICE_INLINE uint16_t float_to_f16(float x) { return __half_as_ushort(__float2half_rn(x)); }
DEVICE_INLINE float bf16_to_float(uint16_t bits) { return __uint_as_float((uint32_t)bits << 16); }
DEVICE_INLINE uint16_t float_to_bf16(float x) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

// Two in a word, the first in its low half.
DEVICE_INLINE uint32_t pack_f16(float low, float high) {
  __half2 pair = __floats2half2_rn(low, high);
  return *(const uint32_t *)&pair;
}
DEVICE_INLINE uint32_t pack_bf16(float low, float high) {
  __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *(const uint32_t *)&pair;
}

// --- FP8, E4M3: sign, 4 bits of exponent, 3 of fraction; the largest is 448 ---

#define E4M3_MAX_BITS 0x43e00000u

// Rounded to the nearest, halves to even; what is too large becomes the largest.
DEVICE_INLINE uint8_t e4m3_of(float x) {
#if HAS_ADA
  uint16_t pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(0.0f), "f"(x));
  return (uint8_t)pair;
#else
  uint32_t bits = __float_as_uint(x), size = min(bits & 0x7fffffffu, E4M3_MAX_BITS);
  // Steps of 2^-9 below 2^-6, then three bits behind the first: rounded by what is added.
  uint32_t small = __float_as_uint(__uint_as_float(size) + 16384.0f) - 0x46800000u;
  uint32_t large = (size + 0x7ffffu + (size >> 20 & 1) - 0x3c000000u) >> 20;
  return (uint8_t)((bits >> 24 & 0x80) | (size < 0x3c800000u ? small : large));
#endif
}

// One as a float: its bits lie as in a float's, but for an exponent that is off by 120.
DEVICE_INLINE float e4m3_to_number(uint32_t code) {
  return __uint_as_float((code & 0x80) << 24 | (code & 0x7f) << 20) * 0x1p120f;
}

// Four as halves, exactly.
DEVICE_INLINE uint2 widen_e4m3(uint32_t codes) {
#if HAS_ADA
  uint32_t low, high;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(low) : "h"((uint16_t)codes));
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(high) : "h"((uint16_t)(codes >> 16)));
  return make_uint2(low, high);
#else
  // As bits of halves they are off by 2^8, the small ones too.
  uint32_t two_to_8 = 0x5c005c00u, words[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    uint32_t bytes = __byte_perm(codes, 0, i == 0 ? 0x1404 : 0x3424);
    uint32_t bits = (bytes & 0x80008000u) | (bytes >> 1 & 0x3f803f80u);
    __half2 wide = __hmul2(*(__half2 *)&bits, *(__half2 *)&two_to_8);
    words[i] = *(uint32_t *)&wide;
  }
  return make_uint2(words[0], words[1]);
#endif
}

// --- Angles ---

#ifdef INFER_CUDA_ON_HOST
static inline double cospi(double x) { return cos(x * 3.14159265358979323846); }
static inline double sinpi(double x) { return sin(x * 3.14159265358979323846); }
#endif

// Cosine and sine of an angle in F32. In F64: the last bit of an angle is 0.01 at position 100 000.
// By half turns, which needs no table in local memory, and is exact to 1e-11 at such an angle.
DEVICE_INLINE float2 turn_of(float angle, float scale) {
  double half_turns = (double)angle * 0.318309886183790671538;
  return make_float2((float)(cospi(half_turns) * scale), (float)(sinpi(half_turns) * scale));
}

// --- Sums over the 32 lanes of a warp; every lane gets the result ---

#define ALL_LANES 0xffffffffu

DEVICE_INLINE float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(ALL_LANES, value, step);
  return value;
}

DEVICE_INLINE float warp_max(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, step));
  }
  return value;
}

#endif
