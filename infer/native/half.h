// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// IEEE 754 binary16, bfloat16 and FP8 (E4M3, arXiv 2209.05433) in plain C.
#ifndef INFER_HALF_H
#define INFER_HALF_H

#include <stdint.h>
#include <string.h>

static inline float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t float_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float bfloat_to_float(uint16_t half) { return bits_to_float((uint32_t)half << 16); }

// Rounded to the nearest, halves to even; a NaN keeps its sign and stays one.
static inline uint16_t float_to_bfloat(float value) {
  uint32_t bits = float_to_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 0x1f;
  uint32_t fraction = half & 0x3ff;
  if (exponent == 0x1f) return bits_to_float(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
  float small = (float)fraction * 5.9604644775390625e-8f; // 2^-24
  return bits_to_float(sign | float_to_bits(small));
}

// Rounded to the nearest, halves to even; what is too large becomes infinite.
static inline uint16_t float_to_half(float value) {
  uint32_t bits = float_to_bits(value);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  uint32_t size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return sign | 0x7e00;
  if (size >= 0x47800000u) return sign | 0x7c00;
  if (size < 0x38800000u) {
    // Below 2^-14: adding 0.5 leaves the fraction in the lowest bits, rounded.
    float shifted = bits_to_float(size) + 0.5f;
    return (uint16_t)(sign | (float_to_bits(shifted) - 0x3f000000u));
  }
  uint32_t rounded = size + 0xfff + (size >> 13 & 1);
  return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

// E4M3: sign, 4 bits of exponent (bias 7), 3 of fraction; no infinities, the largest is 448.
#define E4M3_MAX 448.0f

static inline float e4m3_to_float(uint8_t code) {
  // The bits lie as in a float whose exponent is off by 120: small numbers come out right as well.
  float shifted = bits_to_float((uint32_t)(code & 0x7f) << 20) * 0x1p120f;
  return code & 0x80 ? -shifted : shifted;
}

// Rounded to the nearest, halves to even; what is too large becomes the largest.
static inline uint8_t float_to_e4m3(float value) {
  uint32_t bits = float_to_bits(value);
  uint8_t sign = (uint8_t)(bits >> 24 & 0x80);
  uint32_t size = bits & 0x7fffffffu;
  if (size >= 0x43e00000u) return sign | 0x7e;
  if (size < 0x3c800000u) {
    // Below 2^-6: adding 2^14 leaves the fraction in the lowest bits, rounded.
    float shifted = bits_to_float(size) + 16384.0f;
    return (uint8_t)(sign | (float_to_bits(shifted) - 0x46800000u));
  }
  uint32_t rounded = size + 0x7ffff + (size >> 20 & 1);
  return (uint8_t)(sign | (rounded - 0x3c000000u) >> 20);
}

#endif
