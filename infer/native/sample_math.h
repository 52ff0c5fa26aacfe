// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a draw computes with, for processors and GPUs: infer/sampling/weight.ts once more, rounding
// by rounding. No operation may be fused with another.
#ifndef INFER_SAMPLE_MATH_H
#define INFER_SAMPLE_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

// Includes of CUDA come first where there are some.
#ifdef DEVICE_INLINE
#define SAMPLE_INLINE DEVICE_INLINE
#define MULTIPLY(a, b) __fmul_rn(a, b)
#define ADD(a, b) __fadd_rn(a, b)
#define MULTIPLY_F64(a, b) __dmul_rn(a, b)
#define ADD_F64(a, b) __dadd_rn(a, b)
#else
// Compiled with -ffp-contract=off.
#define SAMPLE_INLINE static inline
#define MULTIPLY(a, b) ((a) * (b))
#define ADD(a, b) ((a) + (b))
#define MULTIPLY_F64(a, b) ((a) * (b))
#define ADD_F64(a, b) ((a) + (b))
#endif

// Logarithm of the least weight, and what a weight of 1 is as a mass.
#define LOG_WEIGHT_LEAST -27.0f
#define MASS_ONE 4294967296.0
#define PHILOX_ROUNDS 10

// Philox4x32-10 (Salmon et al. 2011): noise of four tokens from 4 * group on.
SAMPLE_INLINE void sample_noise(const infer_sampling *s, uint32_t group, uint32_t noise[4]) {
  uint32_t a = group, b = s->position, c = s->answer, d = 0;
  uint32_t low = s->seed_low, high = s->seed_high;
  for (int round = 0; round < PHILOX_ROUNDS; round++) {
    uint64_t of_a = (uint64_t)0xd2511f53u * a, of_c = (uint64_t)0xcd9e8d57u * c;
    a = (uint32_t)(of_c >> 32) ^ b ^ low;
    b = (uint32_t)of_c;
    c = (uint32_t)(of_a >> 32) ^ d ^ high;
    d = (uint32_t)of_a;
    low += 0x9e3779b9u;
    high += 0xbb67ae85u;
  }
  noise[0] = a;
  noise[1] = b;
  noise[2] = c;
  noise[3] = d;
}

// Of a row's logit: how much less likely than the likeliest.
SAMPLE_INLINE float sample_log(float logit, float largest, float temperature) {
  return ADD(logit, -largest) / temperature;
}

// The likeliest itself is always left.
SAMPLE_INLINE float sample_log_least(const infer_sampling *s) {
  float least = s->log_min_p > LOG_WEIGHT_LEAST ? s->log_min_p : LOG_WEIGHT_LEAST;
  return least < 0 ? least : 0;
}

// The exponential, from LOG_WEIGHT_LEAST to 0.
SAMPLE_INLINE float sample_weight(float log) {
  float n = floorf(ADD(MULTIPLY(log, 1.44269504088896340736f), 0.5f));
  float r = ADD(ADD(log, -MULTIPLY(n, 0.693359375f)), -MULTIPLY(n, -2.12194440054690580e-4f));
  float sum = ADD(MULTIPLY(1.0f / 5040, r), 1.0f / 720);
  sum = ADD(MULTIPLY(sum, r), 1.0f / 120);
  sum = ADD(MULTIPLY(sum, r), 1.0f / 24);
  sum = ADD(MULTIPLY(sum, r), 1.0f / 6);
  sum = ADD(MULTIPLY(sum, r), 0.5f);
  sum = ADD(MULTIPLY(sum, r), 1.0f);
  sum = ADD(MULTIPLY(sum, r), 1.0f);
  uint32_t power_bits = (uint32_t)(127 + (int)n) << 23;
  float power;
  memcpy(&power, &power_bits, sizeof power);
  return MULTIPLY(sum, power);
}

SAMPLE_INLINE uint64_t sample_mass(float weight) {
  return (uint64_t)ADD_F64(MULTIPLY_F64((double)weight, MASS_ONE), 0.5);
}

// The least mass, not none, that is `top_p` of a sum.
SAMPLE_INLINE uint64_t sample_enough(float top_p, uint64_t sum) {
  double enough = ceil(MULTIPLY_F64((double)top_p, (double)sum));
  return enough > 1 ? (uint64_t)enough : 1;
}

// How long a token runs: -log((noise + 0.5) / 2^32).
SAMPLE_INLINE double sample_time(uint32_t noise) {
  double uniform = ADD_F64((double)noise, 0.5) / 4294967296.0;
  uint64_t bits;
  memcpy(&bits, &uniform, sizeof bits);
  int exponent = (int)(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
  double mantissa;
  memcpy(&mantissa, &bits, sizeof mantissa);
  if (mantissa > 1.4142135623730951) {
    mantissa = MULTIPLY_F64(mantissa, 0.5);
    exponent++;
  }
  double f = ADD_F64(mantissa, -1.0);
  double s = f / ADD_F64(2.0, f);
  double z = MULTIPLY_F64(s, s);
  double sum = 1.0 / 21;
#ifdef __CUDACC__
#pragma unroll
#endif
  for (int odd = 19; odd >= 1; odd -= 2) sum = ADD_F64(MULTIPLY_F64(sum, z), 1.0 / odd);
  double log = ADD_F64(MULTIPLY_F64((double)exponent, 0.6931471805599453),
                       MULTIPLY_F64(MULTIPLY_F64(2.0, s), sum));
  return -log;
}

#endif
