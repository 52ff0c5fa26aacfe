// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "shard.h"

#include "status.h"

// Inner numbers are cut in whole units. The first is the largest group of INT8; models that are too
// small for it, as those of tests, take the next.
static const int INNER_UNITS[] = {128, 64, 32, 16};

// How many inner numbers make a unit; 0 when there are more devices than the smallest units.
static int inner_unit(const infer_model_config *whole, int count) {
  for (size_t i = 0; i < sizeof INNER_UNITS / sizeof *INNER_UNITS; i++) {
    int unit = INNER_UNITS[i];
    if ((whole->intermediate_size + unit - 1) / unit >= count) return unit;
  }
  return 0;
}

int32_t shard_check(const infer_model_config *whole, int count) {
  int heads = whole->head_count, kv_heads = whole->kv_head_count;
  if (count == 1) return INFER_OK;
  if (heads % count != 0) {
    return fail(INFER_INVALID, "Cannot cut %d query heads among %d GPUs", heads, count);
  }
  if (kv_heads % count != 0 && count % kv_heads != 0) {
    return fail(INFER_INVALID, "Cannot cut %d key-value heads among %d GPUs", kv_heads, count);
  }
  if (inner_unit(whole, count) == 0) {
    return fail(INFER_INVALID, "Cannot cut an intermediate size of %d among %d GPUs",
                whole->intermediate_size, count);
  }
  int64_t others = (int64_t)shard_vocabulary_rows(whole, count) * (count - 1);
  if (others < whole->vocabulary_size) return INFER_OK;
  return fail(INFER_INVALID, "Cannot cut a vocabulary of %d among %d GPUs",
              whole->vocabulary_size, count);
}

span shard_heads(const infer_model_config *whole, shard shard) {
  int count = whole->head_count / shard.count;
  return (span){shard.index * count, count};
}

span shard_kv_heads(const infer_model_config *whole, shard shard) {
  int heads = whole->kv_head_count;
  return (span){shard.index * heads / shard.count, heads < shard.count ? 1 : heads / shard.count};
}

span shard_inner(const infer_model_config *whole, shard shard) {
  int size = whole->intermediate_size;
  if (shard.count == 1) return (span){0, size};
  int unit = inner_unit(whole, shard.count), units = (size + unit - 1) / unit;
  int begin = shard.index * units / shard.count * unit;
  int end = (shard.index + 1) * units / shard.count * unit;
  return (span){begin, (end < size ? end : size) - begin};
}

int shard_vocabulary_rows(const infer_model_config *whole, int count) {
  return (whole->vocabulary_size + count - 1) / count;
}

span shard_vocabulary(const infer_model_config *whole, shard shard) {
  int rows = shard_vocabulary_rows(whole, shard.count), begin = shard.index * rows;
  int rest = whole->vocabulary_size - begin;
  return (span){begin, rest < rows ? rest : rows};
}

infer_model_config shard_config(const infer_model_config *whole, shard shard) {
  infer_model_config part = *whole;
  part.head_count = shard_heads(whole, shard).count;
  part.kv_head_count = shard_kv_heads(whole, shard).count;
  part.intermediate_size = shard_inner(whole, shard).count;
  return part;
}
