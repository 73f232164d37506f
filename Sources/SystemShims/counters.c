#define _GNU_SOURCE
#include "counters.h"

#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t *portside_map_counters(int descriptor, int count) {
  size_t size = (size_t)count * sizeof(int64_t);
  struct stat status;
  if (fstat(descriptor, &status) < 0) return NULL;
  // Never shorter than it is: another process may have it mapped.
  if (status.st_size < (off_t)size && ftruncate(descriptor, (off_t)size) < 0) return NULL;
  void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return place == MAP_FAILED ? NULL : place;
}

void portside_unmap_counters(int64_t *counters, int count) { munmap(counters, (size_t)count * sizeof(int64_t)); }

int64_t portside_counter_read(const int64_t *counter) { return __atomic_load_n(counter, __ATOMIC_ACQUIRE); }

void portside_counter_write(int64_t *counter, int64_t value) { __atomic_store_n(counter, value, __ATOMIC_RELEASE); }

int portside_counter_add(int64_t *counter, int64_t delta, int64_t limit) {
  int64_t old = __atomic_load_n(counter, __ATOMIC_ACQUIRE);
  int64_t new;
  do {
    if (__builtin_add_overflow(old, delta, &new)) new = delta > 0 ? INT64_MAX : 0;
    if (delta > 0 && new > limit) return 0;
    if (new < 0) new = 0;
  } while (!__atomic_compare_exchange_n(counter, &old, new, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return 1;
}

int portside_counter_exchange(int64_t *counter, int64_t expected, int64_t value) {
  return __atomic_compare_exchange_n(counter, &expected, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
