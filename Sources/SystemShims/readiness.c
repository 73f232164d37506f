#define _GNU_SOURCE
#include "readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

int portside_poller_open(void) {
  int poller = epoll_create1(EPOLL_CLOEXEC);
  return poller < 0 ? -errno : poller;
}

int portside_poller_once(int poller, int descriptor, int for_writing, uint64_t number) {
  struct epoll_event event = {.events = (for_writing ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT, .data.u64 = number};
  if (epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) == 0) return 0;
  if (errno == ENOENT && epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0) return 0;
  return -errno;
}

int portside_poller_add(int poller, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN};
  return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
}

int portside_poller_remove(int poller, int descriptor) {
  struct epoll_event event = {0};
  return epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event) < 0 ? -errno : 0;
}

int portside_poller_wait(int poller, uint64_t *numbers, int capacity) {
  struct epoll_event events[64];
  int count = epoll_wait(poller, events, capacity < 64 ? capacity : 64, -1);
  if (count < 0) return -errno;
  for (int index = 0; index < count; index++) numbers[index] = events[index].data.u64;
  return count;
}

int portside_pipe(int ends[2], int size) {
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  // A smaller pipe does as well.
  (void)fcntl(ends[0], F_SETPIPE_SZ, size);
  return 0;
}
