// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a stream of the emulation is: runtime.cpp and cublaslt.cpp put work onto one.
#ifndef INFER_HOST_STREAMS_H
#define INFER_HOST_STREAMS_H

#include <functional>
#include <vector>

struct host_graph {
  std::vector<std::function<void()>> work;
};
struct host_stream {
  host_graph *captured = nullptr;
};

#endif
