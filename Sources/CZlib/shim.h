#include <zlib.h>

// `deflateInit2` and `inflateInit2` are macros, which Swift does not see.
static inline int portside_deflate_begin(z_stream *stream, int level, int window_bits, int memory_level) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

static inline int portside_inflate_begin(z_stream *stream, int window_bits) {
  return inflateInit2(stream, window_bits);
}
