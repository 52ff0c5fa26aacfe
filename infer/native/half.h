// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// IEEE 754 binary16 and bfloat16 in plain C.
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

#endif
