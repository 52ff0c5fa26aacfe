// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Device memory of a single operator: freed with the block that holds it.
#ifndef INFER_CUDA_TRANSFER_CUH
#define INFER_CUDA_TRANSFER_CUH

#include "device.cuh"

#define TRANSFER_PIECES_MAX 16

class transfer {
 public:
  explicit transfer(infer_device *device) : device_(device) {}
  ~transfer() {
    // What runs may still use it.
    cudaStreamSynchronize(device_->place.stream);
    for (int i = 0; i < count_; i++) cudaFree(pieces_[i]);
  }
  transfer(const transfer &) = delete;
  transfer &operator=(const transfer &) = delete;

  // Zeroed memory; NULL when there is none or something failed before.
  template <class T>
  T *room(size_t count) {
    if (status_) return NULL;
    void *data = NULL;
    status_ = device_allocate(&data, count > 0 ? count * sizeof(T) : 1, "an operator");
    if (!status_) pieces_[count_++] = data;
    return (T *)data;
  }

  // A copy of what the host has.
  template <class T>
  T *send(const T *from, size_t count) {
    T *to = room<T>(count);
    if (to) {
      check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyHostToDevice,
                            device_->place.stream));
    }
    return to;
  }

  // Waits for the stream and copies to the host.
  template <class T>
  void fetch(T *to, const T *from, size_t count) {
    if (status_) return;
    check(cudaStreamSynchronize(device_->place.stream));
    if (!status_) check(cudaMemcpy(to, from, count * sizeof(T), cudaMemcpyDeviceToHost));
  }

  void check(cudaError_t error) {
    if (!status_) status_ = cuda_status(error, "run an operator");
  }

  int32_t status() const { return status_; }

 private:
  infer_device *device_;
  void *pieces_[TRANSFER_PIECES_MAX];
  int count_ = 0;
  int32_t status_ = INFER_OK;
};

#endif
