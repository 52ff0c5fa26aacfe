// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What the kernels use of cuda_fp16.h and cuda_bf16.h.
#ifndef INFER_HOST_HALF_TYPES_H
#define INFER_HOST_HALF_TYPES_H

#include "../../half.h"

struct __half {
  uint16_t bits;
};
struct alignas(4) __half2 {
  __half x, y;
};
struct __nv_bfloat16 {
  uint16_t bits;
};
struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
typedef __half half;
typedef __half2 half2;

static inline __half __float2half_rn(float x) { return {float_to_half(x)}; }
static inline __half __float2half(float x) { return __float2half_rn(x); }
static inline float __half2float(__half x) { return half_to_float(x.bits); }
static inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
static inline __half2 __floats2half2_rn(float x, float y) {
  return {__float2half_rn(x), __float2half_rn(y)};
}
static inline __half2 __float2half2_rn(float x) { return __floats2half2_rn(x, x); }
static inline __half2 __float22half2_rn(float2 x) { return __floats2half2_rn(x.x, x.y); }
static inline float2 __half22float2(__half2 x) { return {__half2float(x.x), __half2float(x.y)}; }
static inline __half2 __half2half2(__half x) { return {x, x}; }
static inline float __low2float(__half2 x) { return __half2float(x.x); }
static inline float __high2float(__half2 x) { return __half2float(x.y); }
static inline uint16_t __half_as_ushort(__half x) { return x.bits; }
static inline __half __ushort_as_half(uint16_t bits) { return {bits}; }

// A product and a sum of halves are exact in F32, or in F64: one rounding each.
static inline __half __hadd(__half a, __half b) {
  return __float2half_rn(__half2float(a) + __half2float(b));
}
static inline __half __hsub(__half a, __half b) {
  return __float2half_rn(__half2float(a) - __half2float(b));
}
static inline __half __hmul(__half a, __half b) {
  return __float2half_rn(__half2float(a) * __half2float(b));
}
static inline __half2 __hadd2(__half2 a, __half2 b) { return {__hadd(a.x, b.x), __hadd(a.y, b.y)}; }
static inline __half2 __hsub2(__half2 a, __half2 b) { return {__hsub(a.x, b.x), __hsub(a.y, b.y)}; }
static inline __half2 __hmul2(__half2 a, __half2 b) { return {__hmul(a.x, b.x), __hmul(a.y, b.y)}; }
static inline __half __hfma(__half a, __half b, __half c) {
  return __float2half_rn(__half2float(a) * __half2float(b) + __half2float(c));
}
static inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) {
  return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};
}

static inline __nv_bfloat16 __float2bfloat16_rn(float x) { return {float_to_bfloat(x)}; }
static inline __nv_bfloat16 __float2bfloat16(float x) { return __float2bfloat16_rn(x); }
static inline float __bfloat162float(__nv_bfloat16 x) { return bfloat_to_float(x.bits); }
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
static inline float2 __bfloat1622float2(__nv_bfloat162 x) {
  return {__bfloat162float(x.x), __bfloat162float(x.y)};
}
static inline uint16_t __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
static inline __nv_bfloat16 __ushort_as_bfloat16(uint16_t bits) { return {bits}; }

#endif
