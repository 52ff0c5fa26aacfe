// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What a stream of the emulation is: runtime.cpp and cublaslt.cpp put work onto one.
#ifndef INFER_HOST_STREAMS_H
#define INFER_HOST_STREAMS_H

#include <deque>
#include <functional>
#include <set>
#include <vector>

struct host_graph {
  std::vector<std::function<void()>> work;
  // While it is recorded: the stream that began, those it took in, and of them those that it has
  // not waited for since they did something.
  struct host_stream *origin = nullptr;
  std::set<struct host_stream *> streams, open;
};
struct host_stream {
  int device = 0;
  host_graph *captured = nullptr;
  std::deque<std::function<void()>> late;
  // What is on it comes to no end.
  bool is_stuck = false;
};

#endif
