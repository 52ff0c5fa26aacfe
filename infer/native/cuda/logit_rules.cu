// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "logit_rules.cuh"

extern "C" {
#include "../status.h"
}

static int32_t check_range(const char *name, int32_t begin, int32_t end, int32_t count) {
  if (begin >= 0 && begin <= end && end <= count) return INFER_OK;
  return fail(INFER_INVALID, "There are no %s %d to %d of %d", name, begin, end, count);
}

static int32_t check_tokens(const int32_t *tokens, int32_t count, int32_t vocabulary) {
  for (int32_t i = 0; i < count; i++) {
    if (tokens[i] >= 0 && tokens[i] < vocabulary) continue;
    return fail(INFER_INVALID, "Token %d is outside the vocabulary of %d", tokens[i], vocabulary);
  }
  return INFER_OK;
}

int32_t logit_rules_check(const infer_logit_rules *r, const infer_logit_lists *lists) {
  int32_t status = INFER_OK;
  if (r->mask >= 0) status = check_range("masks", r->mask, r->mask + 1, lists->mask_count);
  if (!status) status = check_range("banned", r->banned_begin, r->banned_end, lists->banned_count);
  if (!status) status = check_range("biases", r->bias_begin, r->bias_end, lists->bias_count);
  if (!status) status = check_range("seen", r->seen_begin, r->seen_end, lists->seen_count);
  return status;
}

int32_t logit_lists_check(const infer_logit_lists *lists, int32_t vocabulary) {
  if (lists->mask_count < 0 || lists->banned_count < 0 || lists->bias_count < 0 ||
      lists->seen_count < 0) {
    return fail(INFER_INVALID, "A list cannot have fewer than 0 elements");
  }
  int32_t status = check_tokens(lists->banned, lists->banned_count, vocabulary);
  if (!status) status = check_tokens(lists->bias_tokens, lists->bias_count, vocabulary);
  if (!status) status = check_tokens(lists->seen_tokens, lists->seen_count, vocabulary);
  return status;
}
