import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// The wall clock, for signatures that hold for minutes (RFC 8945 §5.2.3).
enum UnixTime {
  /// Seconds since 1970.
  static var now: UInt64 { UInt64(max(0, time(nil))) }
}
