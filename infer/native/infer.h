// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// The contract between TypeScript and a native library that computes steps of a model: on the
// processor, or on another device. Plain C, no exceptions across it, nothing printed.
//
//     device -> model (weights) -> context (keys and values, one step at a time)
//
// Every call that can fail returns a status, and leaves a text that `infer_error` fetches. Calls on
// one device come from one thread at a time, but for `infer_wait`, which may block another thread.
#ifndef INFER_H
#define INFER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define INFER_API __attribute__((visibility("default")))
#else
#define INFER_API
#endif

// Grows whenever a call, a struct or the step's layout changes.
#define INFER_ABI_VERSION 3

enum infer_status {
  INFER_OK = 0,
  INFER_INVALID = 1,   // an argument names what does not exist or cannot be
  INFER_NO_MEMORY = 2,
  INFER_BUSY = 3,      // a step is on its way
  INFER_IO = 4,        // a file cannot be read
  INFER_UNSUPPORTED = 5,
};

// How numbers are stored.
enum infer_type {
  INFER_F32 = 0,
  INFER_F16 = 1,
  INFER_BF16 = 2,
  INFER_INT8 = 3, // levels in groups, each group with a scale
  INFER_Q8_0 = 4, // in files only: | F16 scale | 32 levels |, again and again
  INFER_FP8 = 5,  // keys and values only: E4M3, each row with a scale
};

typedef struct infer_device infer_device;
typedef struct infer_model infer_model;
typedef struct infer_context infer_context;

// What `infer_model_create` needs to know; all fields are 4 bytes.
typedef struct {
  int32_t hidden_size;
  int32_t intermediate_size;
  int32_t layer_count;
  int32_t head_count;
  int32_t kv_head_count;
  int32_t head_size;
  int32_t vocabulary_size;
  int32_t context_tokens_max;
  int32_t tied_embeddings;
  float norm_epsilon;
  float rope_scale; // cosines and sines are multiplied with it
} infer_model_config;

// Which weight of a model; those from INFER_ATTENTION_NORM on come once a layer.
enum infer_role {
  INFER_EMBEDDING = 0,
  INFER_FINAL_NORM = 1,
  INFER_HEAD = 2,
  INFER_ROPE_FREQUENCIES = 3, // head_size / 2 angles a position, F32
  INFER_ATTENTION_NORM = 4,
  INFER_QUERY = 5,
  INFER_KEY = 6,
  INFER_VALUE = 7,
  INFER_QUERY_BIAS = 8,
  INFER_KEY_BIAS = 9,
  INFER_VALUE_BIAS = 10,
  INFER_QUERY_NORM = 11,
  INFER_KEY_NORM = 12,
  INFER_OUTPUT = 13,
  INFER_OUTPUT_BIAS = 14,
  INFER_MLP_NORM = 15,
  INFER_GATE = 16,
  INFER_UP = 17,
  INFER_DOWN = 18,
  INFER_GATE_BIAS = 19,
  INFER_UP_BIAS = 20,
  INFER_DOWN_BIAS = 21,
  INFER_ROLES = 22,
};

// How large a context's steps can be, and its blocks of keys and values.
typedef struct {
  int32_t tokens_max;
  int32_t sequences_max;
  int32_t blocks_per_sequence_max;
  int32_t block_tokens;
  int32_t block_count;
  int32_t kv_type; // INFER_F32, INFER_F16, INFER_INT8 or INFER_FP8
} infer_context_config;

// Words of a step's header; offsets count int32 words from the beginning. See step_batch.ts.
//
//     token_ids       [tokens]              of all sequences, one after the other
//     query_starts    [sequences + 1]       first token of each sequence; then tokens
//     context_lengths [sequences]           tokens of the sequence with those of this step
//     logit_tokens    [logits]              the tokens after which logits are wanted
//     block_tables    [sequences][blocks_per_sequence_max]
#define INFER_STEP_VERSION 1
typedef struct {
  int32_t version;
  int32_t sequence_count;
  int32_t token_count;
  int32_t logit_count;
  int32_t blocks_per_sequence_max;
  int32_t block_tokens;
  int32_t token_ids;
  int32_t query_starts;
  int32_t context_lengths;
  int32_t logit_tokens;
  int32_t block_tables;
  int32_t reserved[5];
} infer_step_header;

// How a token is drawn. Zero temperature: the likeliest. top_k 0, top_p 1, log_min_p of less than
// LOG_WEIGHT_LEAST keep all.
typedef struct {
  float temperature;
  int32_t top_k;
  float top_p;
  float log_min_p; // logarithm of the least share of the likeliest's probability
  uint32_t seed_low;
  uint32_t seed_high;
  uint32_t position;
  uint32_t answer; // which of those to one prompt
} infer_sampling;

// --- Library and device ---

INFER_API uint32_t infer_abi_version(void);

// Copies the text of the last failure, on whatever thread it was, and returns its length without
// the closing zero.
INFER_API size_t infer_error(char *text, size_t size);

// Opens a device. `threads` 0: as many as there are processors. `path`: "" for the best that the
// machine has, or "portable", "avx2", "vnni".
INFER_API int32_t infer_device_open(int32_t threads, const char *path, infer_device **device);

// Describes a device as JSON; returns the length of the text.
INFER_API size_t infer_device_describe(infer_device *device, char *text, size_t size);

// Frees a device. Its models and contexts must be gone.
INFER_API void infer_device_close(infer_device *device);

// --- Model ---

INFER_API int32_t infer_model_create(infer_device *device, const infer_model_config *config,
                                     infer_model **model);

// Sets a norm, a bias or the frequencies; F32.
INFER_API int32_t infer_model_set_vector(infer_model *model, int32_t role, int32_t layer,
                                         const float *values, int32_t size);

// Makes room for a matrix. `type`: INFER_F32, INFER_BF16, or INFER_INT8 with a group size of 32,
// 64 or 128.
INFER_API int32_t infer_model_set_matrix(infer_model *model, int32_t role, int32_t layer,
                                         int32_t type, int32_t group_size);

// Stores rows `begin` to `begin + rows` of a matrix; begin is a multiple of 32. Source F32, F16 or
// BF16 is quantised if the matrix is INT8. Source INFER_INT8: int8 levels and one F32 scale a group.
INFER_API int32_t infer_model_put_rows(infer_model *model, int32_t role, int32_t layer,
                                       int32_t begin, int32_t rows, int32_t source_type,
                                       const void *values, const float *scales);

// Stores a whole matrix from a file, quantising and packing with all threads while it is read.
// `source_type`: F32, F16, BF16, or INFER_Q8_0 for INT8 in groups of 32. `pairs`: 1 when the rows of
// each head lie in pairs that turn together, as in GGUF files, and are to lie in halves.
INFER_API int32_t infer_model_read_file(infer_model *model, int32_t role, int32_t layer,
                                        const char *path, int64_t offset, int32_t source_type,
                                        int32_t pairs);

// Copies a row of a matrix as F32.
INFER_API int32_t infer_model_read_row(infer_model *model, int32_t role, int32_t layer, int32_t row,
                                       float *values);

// Bytes of all weights.
INFER_API size_t infer_model_bytes(const infer_model *model);

// Bytes that a block of so many tokens takes in all layers, on all devices that compute the model
// together; 0 when keys and values cannot be kept as `kv_type`. No weights are needed.
INFER_API size_t infer_model_block_bytes(const infer_model *model, int32_t block_tokens,
                                         int32_t kv_type);

INFER_API void infer_model_destroy(infer_model *model);

// --- Steps ---

// Makes blocks of keys and values, and room for a step. The model's weights must be complete.
INFER_API int32_t infer_context_create(infer_model *model, const infer_context_config *config,
                                       infer_context **context);

// Starts a step and returns. `step`, `logits` [logit_count][vocabulary_size] and `states`
// [logit_count][hidden_size] must stay until `infer_wait`.
INFER_API int32_t infer_submit(infer_context *context, const int32_t *step, size_t words,
                               float *logits, float *states);

// Blocks until no step is on its way; may be called from any thread. All who wait for a step that
// fails are told so, until the next one begins.
INFER_API int32_t infer_wait(infer_context *context);

// 1 when no step is on its way.
INFER_API int32_t infer_idle(infer_context *context);

// Copies blocks of keys and values in all layers; `pairs` holds from, to, from, to, ...
INFER_API int32_t infer_copy_blocks(infer_context *context, const int32_t *pairs, int32_t count);

// Bytes that a context has on its devices now: those of its blocks, and those that steps work in,
// which grow with the most tokens whose logits were wanted at a time.
INFER_API void infer_context_bytes(const infer_context *context, size_t *blocks, size_t *steps);

// Frees a context; waits for its step.
INFER_API void infer_context_destroy(infer_context *context);

// --- Single operators, as the steps use them ---

INFER_API int32_t infer_op_rms_norm(infer_device *device, const float *input, const float *weight,
                                    int32_t rows, int32_t columns, float epsilon, float *output);

// Turns rows of heads in place, each by its position.
INFER_API int32_t infer_op_rope(infer_device *device, float *heads, const int32_t *positions,
                                int32_t rows, int32_t heads_per_row, int32_t head_size,
                                const float *frequencies, float scale);

INFER_API int32_t infer_op_swiglu(infer_device *device, const float *gate, const float *up,
                                  size_t count, float *output);

// Rounds rows to INT8 in groups: levels [rows][groups * group_size], scales [rows][groups].
INFER_API int32_t infer_op_quantize(infer_device *device, const float *input, int32_t rows,
                                    int32_t columns, int32_t group_size, int8_t *levels,
                                    float *scales);

// output [tokens][rows] = input [tokens][columns] * weights^T, the weights packed as `type` says
// from `source_type`; see infer_model_put_rows.
INFER_API int32_t infer_op_multiply(infer_device *device, const float *input, int32_t tokens,
                                    int32_t type, int32_t group_size, int32_t rows, int32_t columns,
                                    int32_t source_type, const void *values, const float *scales,
                                    float *output);

// Puts keys and values [tokens][kv_heads * head_size] into fresh blocks of `kv_type`, through the
// step's block tables, for every position from 0 on; then attends with the queries of the step.
// `keys` and `values` hold the sequences one after the other, context_length rows each.
INFER_API int32_t infer_op_attention(infer_device *device, const int32_t *step, size_t words,
                                     int32_t block_count, int32_t kv_type, int32_t heads,
                                     int32_t kv_heads, int32_t head_size, const float *queries,
                                     const float *keys, const float *values, float *output);

// Draws a token from logits.
INFER_API int32_t infer_op_sample(infer_device *device, const float *logits, int32_t count,
                                  const infer_sampling *sampling, int32_t *token);

#ifdef __cplusplus
}
#endif

#endif
