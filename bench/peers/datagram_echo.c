// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// UDP echo with one recvfrom(2) and one sendto(2) a datagram: what the kernel alone costs.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static unsigned char buffer[65536];

int main(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof own;
  if (bind(fd, (struct sockaddr *)&own, length) != 0 ||
      getsockname(fd, (struct sockaddr *)&own, &length) != 0) {
    perror("bind");
    return 1;
  }
  printf("listening %d\n", ntohs(own.sin_port));
  fflush(stdout);
  for (;;) {
    struct sockaddr_in peer;
    length = sizeof peer;
    ssize_t size = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
    if (size >= 0) sendto(fd, buffer, (size_t)size, 0, (struct sockaddr *)&peer, length);
  }
}
