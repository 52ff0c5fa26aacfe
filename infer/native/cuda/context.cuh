// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The memory of a step, the step that is on its way, and the graphs of those before.
//
//     host                                    device
//     step (packed by shape) --one copy-->    step words
//     logits, states (pinned) <--one copy--   logits, states of the wanted tokens
#ifndef INFER_CUDA_CONTEXT_CUH
#define INFER_CUDA_CONTEXT_CUH

#include "attend.cuh"
#include "device.cuh"
#include "draw_step.cuh"
#include "kv.cuh"
#include "linear.cuh"
#include "resident_room.cuh"
#include "step_pack.cuh"

#define GRAPHS_MAX 64
#define FAILURE_BYTES 256

// A step that was recorded once and is started again and again.
struct step_graph {
  step_shape shape;
  cudaGraphExec_t exec;
};

// Where several GPUs compute together each has one; the first's stands for all of them, and it
// alone has what is pinned, graphs, and a step that is on its way.
struct infer_context {
  infer_model *model;
  infer_device *device;
  infer_context_config config;
  infer_context *next; // the next GPU's, or NULL
  device_kv kv;
  // In device memory:
  unsigned char *memory; // of all that follows
  size_t memory_bytes;
  float *states;         // [tokens][hidden]
  float *heads;          // [tokens][queries + keys + values]
  float *mixed;          // [tokens][queries]
  float *inner;          // [tokens][intermediate]
  float *turns;          // [tokens][head_size]
  int32_t *step;         // words of the largest step
  float *vectors;        // all norms and biases
  void *attend_workspace;
  linear_room room;
  const float **vector_places; // on the host: [layer + 1][role] into `vectors`, or NULL
  int32_t *pinned_step;
  // States, then logits, of as many tokens as a step wanted so far; on the device and pinned.
  int output_rows;
  float *output;
  float *gathered; // logits of all GPUs' parts of the vocabulary, [parts][rows][part]; or NULL
  float *pinned_output;
  int32_t *copy_pairs;
  int copy_pairs_max;
  step_graph graphs[GRAPHS_MAX];
  int graph_count;
  struct large_room *large; // NULL: no large products
  resident_room *resident;  // NULL: steps are never one kernel
  // The step that is on its way:
  cudaEvent_t is_done;
  float *logits_to;
  float *states_to;
  int logit_count;
  // What the last one has failed with, for all who wait for it; INFER_OK until it has.
  int32_t failed;
  char failure[FAILURE_BYTES];
  // Steps that choose tokens, see draw.h.
  draw_room draws;
};

// Whether no step is on its way; takes the outputs of one that just ended.
bool context_is_idle(infer_device *device);

// Waits for the step that is on its way, and takes its outputs.
int32_t context_join(infer_device *device);

// Room for the logits and states of so many tokens.
int32_t context_grow_outputs(infer_context *context, int rows);

// A step of the context is on its way from now on.
void context_set_running(infer_context *context);

// None is any more.
void context_set_idle(infer_context *context);

// Sends the words of a step to the device.
cudaError_t step_send(infer_context *context, const int32_t *pinned, const step_shape &shape);

// Records or starts all kernels of a step whose words are in `pinned_step`; where it chooses
// tokens, they are on the device already.
cudaError_t step_run(infer_context *context, const step_shape &shape);

// Starts a step, from a graph where that pays.
cudaError_t step_start(infer_context *context, const step_shape &shape);

void step_free_graphs(infer_context *context);

void draw_free(infer_context *context);

// Bytes of device memory for drawing.
size_t draw_bytes(const infer_context *context);

// Runs the products of a layer with so many tokens, whatever is in memory.
cudaError_t step_measure(infer_context *context, int tokens);

// The products of a step of one token in their order, and what else differs from layer to layer.
void step_products(infer_context *context, product_args *products, place_layer *layers);

// Makes what large products need where cuBLASLt is there, and measures them.
int32_t large_create(infer_context *context);

#endif
