/// epoll, as far as Swift programs need it: Glibc's module does not have it. And pipes of a size.
#ifndef PORTSIDE_READINESS_H
#define PORTSIDE_READINESS_H

#include <stdint.h>

/// A poller, or -errno. It is itself a descriptor that can be waited for.
int portside_poller_open(void);

/// Reports `number` once when the descriptor can be read from (or written to). Returns 0, or -errno.
int portside_poller_once(int poller, int descriptor, int for_writing, uint64_t number);

/// Lets the poller be readable as long as the descriptor is. Returns 0, or -errno.
int portside_poller_add(int poller, int descriptor);

/// Takes a descriptor out. Returns 0, or -errno.
int portside_poller_remove(int poller, int descriptor);

/// Waits until at least one descriptor is ready, and stores the numbers. Returns how many, or -errno.
int portside_poller_wait(int poller, uint64_t *numbers, int capacity);

/// A pipe, close-on-exec, for this many bytes if the system allows so many. Returns 0, or -errno.
int portside_pipe(int ends[2], int size);

#endif
