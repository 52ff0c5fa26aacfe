// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A vector of floats as wide as the instruction path that the including file is compiled for.
// `+ - *` work on it; what they cannot say is here.
#ifndef INFER_VECTOR_H
#define INFER_VECTOR_H

#include <stdint.h>
#include <string.h>

#include "half.h"

#define INLINE static inline __attribute__((always_inline, unused))

#if defined(INFER_PATH_VNNI)
#include <immintrin.h>
#define WIDTH 16
typedef __m512 vf;
typedef __m512i vi;
INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
INLINE vf v_set(float x) { return _mm512_set1_ps(x); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE float v_sum(vf v) { return _mm512_reduce_add_ps(v); }
INLINE float v_largest(vf v) { return _mm512_reduce_max_ps(v); }
INLINE vi v_round(vf v) { return _mm512_cvtps_epi32(v); }
INLINE vf v_float(vi v) { return _mm512_cvtepi32_ps(v); }
INLINE vf v_power(vf v, vi n) {
  return _mm512_castsi512_ps(
      _mm512_add_epi32(_mm512_castps_si512(v), _mm512_slli_epi32(n, 23)));
}
INLINE vf v_load_f16(const uint16_t *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
INLINE void v_store_f16(uint16_t *p, vf v) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, 0));
}
INLINE vf v_load_bf16(const uint16_t *p) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
INLINE vf v_load_i8(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
INLINE void v_store_i8(int8_t *p, vi v) {
  _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(v));
}
INLINE int32_t v_sum_i(vi v) { return _mm512_reduce_add_epi32(v); }
INLINE vi v_add_i(vi a, vi b) { return _mm512_add_epi32(a, b); }
INLINE vi v_zero_i(void) { return _mm512_setzero_si512(); }

#elif defined(INFER_PATH_AVX2)
#include <immintrin.h>
#define WIDTH 8
typedef __m256 vf;
typedef __m256i vi;
INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
INLINE vf v_set(float x) { return _mm256_set1_ps(x); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE float v_sum(vf v) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
INLINE float v_largest(vf v) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
INLINE vi v_round(vf v) { return _mm256_cvtps_epi32(v); }
INLINE vf v_float(vi v) { return _mm256_cvtepi32_ps(v); }
INLINE vf v_power(vf v, vi n) {
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32(n, 23)));
}
INLINE vf v_load_f16(const uint16_t *p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
INLINE void v_store_f16(uint16_t *p, vf v) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v, 0));
}
INLINE vf v_load_bf16(const uint16_t *p) {
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
INLINE vf v_load_i8(const int8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE void v_store_i8(int8_t *p, vi v) {
  __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(words, words));
}
INLINE int32_t v_sum_i(vi v) {
  __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1)));
}
INLINE vi v_add_i(vi a, vi b) { return _mm256_add_epi32(a, b); }
INLINE vi v_zero_i(void) { return _mm256_setzero_si256(); }

#else
#define WIDTH 4
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
INLINE vf v_load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void v_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
INLINE vf v_set(float x) { return (vf){x, x, x, x}; }
INLINE vf v_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vf v_max(vf a, vf b) { return v_select(a > b, a, b); }
INLINE vf v_min(vf a, vf b) { return v_select(a < b, a, b); }
INLINE vf v_fma(vf a, vf b, vf c) { return a * b + c; }
INLINE float v_sum(vf v) { return (v[0] + v[2]) + (v[1] + v[3]); }
INLINE float v_largest(vf v) {
  float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}
// Halves to even: a float of this size has no fraction. Holds for numbers below 2^22.
INLINE vi v_round(vf v) {
  vf rounder = v_set(12582912.0f);
  return __builtin_convertvector((v + rounder) - rounder, vi);
}
INLINE vf v_float(vi v) { return __builtin_convertvector(v, vf); }
INLINE vf v_power(vf v, vi n) { return (vf)((vi)v + (n << 23)); }
INLINE vf v_load_f16(const uint16_t *p) {
  return (vf){half_to_float(p[0]), half_to_float(p[1]), half_to_float(p[2]), half_to_float(p[3])};
}
INLINE void v_store_f16(uint16_t *p, vf v) {
  for (int i = 0; i < WIDTH; i++) p[i] = float_to_half(v[i]);
}
INLINE vf v_load_bf16(const uint16_t *p) {
  vi wide = {p[0], p[1], p[2], p[3]};
  return (vf)(wide << 16);
}
INLINE vf v_load_i8(const int8_t *p) { return (vf){p[0], p[1], p[2], p[3]}; }
INLINE void v_store_i8(int8_t *p, vi v) {
  for (int i = 0; i < WIDTH; i++) p[i] = (int8_t)v[i];
}
INLINE int32_t v_sum_i(vi v) { return v[0] + v[1] + v[2] + v[3]; }
INLINE vi v_add_i(vi a, vi b) { return a + b; }
INLINE vi v_zero_i(void) { return (vi){0}; }
#endif

INLINE vf v_zero(void) { return v_set(0); }
INLINE vf v_absolute(vf v) { return v_max(v, v_zero() - v); }

// e^x to a relative error of 2e-7; x below -87 gives 1e-38, above 88 gives 2e38.
INLINE vf v_exp(vf x) {
  x = v_min(v_max(x, v_set(-87.0f)), v_set(88.0f));
  vi n = v_round(x * v_set(1.44269504088896341f));
  vf whole = v_float(n);
  vf r = v_fma(whole, v_set(-0.693359375f), x);
  r = v_fma(whole, v_set(2.12194440e-4f), r);
  vf sum = v_set(1.9875691500e-4f);
  sum = v_fma(sum, r, v_set(1.3981999507e-3f));
  sum = v_fma(sum, r, v_set(8.3334519073e-3f));
  sum = v_fma(sum, r, v_set(4.1665795894e-2f));
  sum = v_fma(sum, r, v_set(1.6666665459e-1f));
  sum = v_fma(sum, r, v_set(5.0000001201e-1f));
  sum = v_fma(sum, r * r, r) + v_set(1.0f);
  return v_power(sum, n);
}

#endif
