// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "step_check.h"

#include "status.h"

int32_t bounds_check(const infer_context_config *c) {
  const int32_t bounds[] = {c->tokens_max, c->sequences_max, c->blocks_per_sequence_max,
                            c->block_tokens, c->block_count};
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    if (bounds[i] >= 1 && bounds[i] <= 1 << 24) continue;
    return fail(INFER_INVALID, "A context cannot have a bound of %d", bounds[i]);
  }
  // Words of a step, and positions of a sequence, are counted as int.
  int64_t tables = (int64_t)c->sequences_max * c->blocks_per_sequence_max;
  int64_t positions = (int64_t)c->blocks_per_sequence_max * c->block_tokens;
  if (tables <= 1 << 30 && positions <= 1 << 30) return INFER_OK;
  return fail(INFER_INVALID, "A context cannot have %d sequences of %d blocks of %d tokens",
              c->sequences_max, c->blocks_per_sequence_max, c->block_tokens);
}

static int32_t check_array(const char *name, int32_t offset, int64_t count, size_t words) {
  int64_t begin = (int64_t)(sizeof(infer_step_header) / sizeof(int32_t));
  if (offset >= begin && offset + count <= (int64_t)words) return INFER_OK;
  return fail(INFER_INVALID, "The %s of a step lie outside its %zu words", name, words);
}

static int32_t check_shape(const infer_step_header *h, size_t words,
                           const infer_context_config *bounds) {
  if (h->version != INFER_STEP_VERSION) {
    return fail(INFER_INVALID, "Cannot read a step of version %d, only %d", h->version,
                INFER_STEP_VERSION);
  }
  if (h->block_tokens < 1 || h->block_tokens != bounds->block_tokens) {
    return fail(INFER_INVALID, "Blocks have %d tokens, not %d", bounds->block_tokens,
                h->block_tokens);
  }
  if (h->token_count < 0 || h->token_count > bounds->tokens_max || h->sequence_count < 0 ||
      h->sequence_count > bounds->sequences_max || h->logit_count < 0 ||
      h->logit_count > h->token_count || h->blocks_per_sequence_max < 0) {
    return fail(INFER_INVALID, "A step of %d tokens of %d sequences is more than %d of %d",
                h->token_count, h->sequence_count, bounds->tokens_max, bounds->sequences_max);
  }
  int32_t status = check_array("token ids", h->token_ids, h->token_count, words);
  if (!status) status = check_array("starts", h->query_starts, h->sequence_count + 1, words);
  if (!status) status = check_array("contexts", h->context_lengths, h->sequence_count, words);
  if (!status) status = check_array("logits", h->logit_tokens, h->logit_count, words);
  int64_t table_words = (int64_t)h->sequence_count * h->blocks_per_sequence_max;
  if (!status) status = check_array("tables", h->block_tables, table_words, words);
  return status;
}

static int32_t check_sequence(const int32_t *step, int sequence, const infer_context_config *bounds,
                              int context_tokens_max) {
  const infer_step_header *h = step_header(step);
  const int32_t *starts = step + h->query_starts;
  int64_t tokens = (int64_t)starts[sequence + 1] - starts[sequence];
  int32_t context = step[h->context_lengths + sequence];
  if (tokens < 0 || starts[sequence] < 0 || starts[sequence + 1] > h->token_count) {
    return fail(INFER_INVALID, "Sequence %d has no tokens", sequence);
  }
  int64_t room = (int64_t)h->blocks_per_sequence_max * h->block_tokens;
  if (context < tokens || context > context_tokens_max || context > room) {
    return fail(INFER_INVALID, "A context of %d is more than %d", context, context_tokens_max);
  }
  const int32_t *table =
      step + h->block_tables + (int64_t)sequence * h->blocks_per_sequence_max;
  for (int32_t i = 0; i < (context + h->block_tokens - 1) / h->block_tokens; i++) {
    if (table[i] >= 0 && table[i] < bounds->block_count) continue;
    return fail(INFER_INVALID, "Block %d is outside the %d of the backend", table[i],
                bounds->block_count);
  }
  return INFER_OK;
}

int32_t step_check(const int32_t *step, size_t words, const infer_context_config *bounds,
                   int vocabulary_size, int context_tokens_max, int unread) {
  if (words < sizeof(infer_step_header) / sizeof(int32_t)) {
    return fail(INFER_INVALID, "A step of %zu words has no header", words);
  }
  const infer_step_header *h = step_header(step);
  int32_t status = check_shape(h, words, bounds);
  if (status) return status;
  for (int32_t i = 0; i < h->token_count; i++) {
    int32_t id = step[h->token_ids + i];
    if (id >= -unread && id < vocabulary_size) continue;
    return fail(INFER_INVALID, "Token %d is outside the vocabulary of %d", id, vocabulary_size);
  }
  for (int32_t i = 0; i < h->logit_count; i++) {
    int32_t token = step[h->logit_tokens + i];
    if (token >= 0 && token < h->token_count) continue;
    return fail(INFER_INVALID, "There is no token %d to give logits after", token);
  }
  const int32_t *starts = step + h->query_starts;
  if (h->sequence_count > 0 && (starts[0] != 0 || starts[h->sequence_count] != h->token_count)) {
    return fail(INFER_INVALID, "The sequences of a step do not hold its %d tokens", h->token_count);
  }
  if (h->sequence_count == 0 && h->token_count > 0) {
    return fail(INFER_INVALID, "A step of %d tokens has no sequence", h->token_count);
  }
  for (int32_t i = 0; i < h->sequence_count && !status; i++) {
    status = check_sequence(step, i, bounds, context_tokens_max);
  }
  return status;
}

void step_positions(const int32_t *step, int32_t *positions, int32_t *sequences) {
  const infer_step_header *h = step_header(step);
  const int32_t *starts = step + h->query_starts;
  for (int32_t sequence = 0; sequence < h->sequence_count; sequence++) {
    int32_t end = starts[sequence + 1];
    for (int32_t token = starts[sequence]; token < end; token++) {
      positions[token] = step[h->context_lengths + sequence] - end + token;
      sequences[token] = sequence;
    }
  }
}
