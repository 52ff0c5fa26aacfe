// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Steps that are recorded once and started again: one call instead of a hundred.
#include <string.h>

#include "context.cuh"

static bool is_same(const step_shape &a, const step_shape &b) {
  return a.tokens == b.tokens && a.context_max == b.context_max &&
         a.is_drawn == b.is_drawn;
}

void step_free_graphs(infer_context *context) {
  for (int i = 0; i < context->graph_count; i++) cudaGraphExecDestroy(context->graphs[i].exec);
  context->graph_count = 0;
}

// Records a step.
static cudaError_t make_graph(infer_context *c, const step_shape &shape, cudaGraphExec_t *exec) {
  cudaStream_t stream = c->device->place.stream;
  RETURN_IF_FAILED(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  cudaError_t error = step_run(c, shape);
  cudaGraph_t graph = NULL;
  // Ends the recording whatever went wrong.
  cudaError_t end = cudaStreamEndCapture(stream, &graph);
  if (error == cudaSuccess) error = end;
  if (error == cudaSuccess) error = cudaGraphInstantiate(exec, graph, 0);
  if (graph) cudaGraphDestroy(graph);
  return error;
}

// The graph of a shape, the one used last in front; NULL when it cannot be made.
static cudaGraphExec_t find_graph(infer_context *c, const step_shape &shape) {
  int at = 0;
  while (at < c->graph_count && !is_same(c->graphs[at].shape, shape)) at++;
  step_graph found = {};
  if (at < c->graph_count) {
    found = c->graphs[at];
  } else {
    found.shape = shape;
    if (make_graph(c, shape, &found.exec) != cudaSuccess) {
      (void)cudaGetLastError();
      c->device->has_graphs = false;
      return NULL;
    }
    if (c->graph_count == GRAPHS_MAX) cudaGraphExecDestroy(c->graphs[--c->graph_count].exec);
    at = c->graph_count++;
  }
  memmove(c->graphs + 1, c->graphs, (size_t)at * sizeof *c->graphs);
  c->graphs[0] = found;
  return found.exec;
}

cudaError_t step_start(infer_context *c, const step_shape &shape) {
  cudaGraphExec_t graph = shape.is_graph ? find_graph(c, shape) : NULL;
  if (!graph) return step_run(c, shape);
  return cudaGraphLaunch(graph, c->device->place.stream);
}
