#ifndef PORTSIDE_COUNTERS_H
#define PORTSIDE_COUNTERS_H

#include <stdint.h>

/// Numbers that several processes share: the beginning of a file, mapped. Returns NULL, with errno, where that fails.
///
/// `descriptor` is made `count` numbers long at least, and need not stay open.
int64_t *portside_map_counters(int descriptor, int count);
void portside_unmap_counters(int64_t *counters, int count);

int64_t portside_counter_read(const int64_t *counter);
void portside_counter_write(int64_t *counter, int64_t value);
/// Adds, and keeps what results at 0 or more. Returns 0 without adding anything where a positive `delta` would lead beyond
/// `limit`; else 1.
int portside_counter_add(int64_t *counter, int64_t delta, int64_t limit);
/// Writes `value` if the number is `expected`. Returns 1 if it was.
int portside_counter_exchange(int64_t *counter, int64_t expected, int64_t value);

#endif
