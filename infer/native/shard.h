// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How a model is cut among devices that compute it together:
//
//     query, key, value    rows: some heads a device; too few key-value heads are on several
//     gate, up             rows: some of the inner numbers a device
//     output, down         columns, those that its rows feed; devices add up what comes out
//     embedding, head      rows: some of the vocabulary a device, as the two may be one matrix, and
//                          the head is a fifth of what a small model reads for a token
//     norms, frequencies   whole, on every device
//     output, down biases  on the first device only, for they are added once
//
// Megatron-LM (arXiv 1909.08053) has two sums a layer in this way. Columns are cut where groups of
// INT8 begin, so that inputs round as they do on one device.
#ifndef INFER_SHARD_H
#define INFER_SHARD_H

#include "infer.h"

// Which of how many devices.
typedef struct {
  int index;
  int count;
} shard;

// Some of a dimension.
typedef struct {
  int begin;
  int count;
} span;

// Whether a model can be cut so.
int32_t shard_check(const infer_model_config *whole, int count);

span shard_heads(const infer_model_config *whole, shard shard);
span shard_kv_heads(const infer_model_config *whole, shard shard);
span shard_inner(const infer_model_config *whole, shard shard);
span shard_vocabulary(const infer_model_config *whole, shard shard);

// Rows of the vocabulary of every device but the last, which may have fewer.
int shard_vocabulary_rows(const infer_model_config *whole, int count);

// The model of one device: with its heads and inner numbers, and the whole vocabulary, for every
// device sees all tokens and all logits.
infer_model_config shard_config(const infer_model_config *whole, shard shard);

#endif
