// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Loads for programs that move much, which discard inside the kernel what they receive.
//
//   transfer_load relay PORT SECONDS WARMUP_SECONDS
//       sends on a first connection and receives on a second one what the server passes on
//   transfer_load get PORT PATH SECONDS WARMUP_SECONDS
//       asks for PATH by HTTP again and again on one connection
//
// Prints "measuring" when the warm-up is over, and after SECONDS more {"bytes":N,"seconds":S}.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1024 * 1024, HEAD_BYTES_MAX = 4096, CONNECT_TRIES = 200 };

static unsigned char buffer[BUFFER_BYTES];
static double window_seconds, warmup_seconds;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

// A server that was just started may need a moment.
static int connect_to(const char *port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((unsigned short)atoi(port)),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  for (int attempt = 0; attempt < CONNECT_TRIES; attempt++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    usleep(10000);
  }
  fail("connect");
  return -1;
}

// Discards at most `limit` bytes and says how many.
static size_t discard(int fd, size_t limit) {
  ssize_t count = recv(fd, NULL, limit < BUFFER_BYTES ? limit : BUFFER_BYTES, MSG_TRUNC);
  if (count <= 0) fail("recv");
  return (size_t)count;
}

static void *send_forever(void *socket) {
  int fd = *(int *)socket;
  while (send(fd, buffer, 256 * 1024, MSG_NOSIGNAL) > 0) {
  }
  return NULL;
}

// Counts what a step receives in the window, and prints it.
static void measure(size_t (*step)(void)) {
  double end = now() + warmup_seconds;
  while (now() < end) step();
  printf("measuring\n");
  fflush(stdout);
  double begin = now();
  uint64_t bytes = 0;
  while (now() < begin + window_seconds) bytes += step();
  printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)bytes, now() - begin);
  fflush(stdout);
}

static int sink;
static const char *path;
static size_t body_left;

static size_t step_of_relay(void) { return discard(sink, BUFFER_BYTES); }

// Reads the head of an answer byte by byte, for the body is to be discarded unread.
static size_t read_head(void) {
  char head[HEAD_BYTES_MAX + 1] = {0};
  for (size_t length = 0; length < HEAD_BYTES_MAX; length++) {
    if (recv(sink, head + length, 1, 0) != 1) fail("recv");
    if (strstr(head, "\r\n\r\n") == NULL) continue;
    char *field = strcasestr(head, "content-length:");
    if (field == NULL) break;
    return strtoull(field + strlen("content-length:"), NULL, 10);
  }
  fprintf(stderr, "no Content-Length: %s\n", head);
  exit(1);
}

static size_t step_of_get(void) {
  if (body_left == 0) {
    char request[512];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    if (send(sink, request, (size_t)length, MSG_NOSIGNAL) != length) fail("send");
    body_left = read_head();
  }
  size_t count = discard(sink, body_left);
  body_left -= count;
  return count;
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  if (count == 5 && strcmp(arguments[1], "relay") == 0) {
    window_seconds = atof(arguments[3]), warmup_seconds = atof(arguments[4]);
    int source = connect_to(arguments[2]);
    sink = connect_to(arguments[2]);
    pthread_t sender;
    pthread_create(&sender, NULL, send_forever, &source);
    measure(step_of_relay);
    exit(0);
  }
  if (count == 6 && strcmp(arguments[1], "get") == 0) {
    path = arguments[3], window_seconds = atof(arguments[4]), warmup_seconds = atof(arguments[5]);
    sink = connect_to(arguments[2]);
    measure(step_of_get);
    return 0;
  }
  fprintf(stderr, "usage: transfer_load relay|get PORT [PATH] SECONDS WARMUP_SECONDS\n");
  return 2;
}
