import Glibc

/// Limits of a process (setrlimit(2)).
enum ResourceLimits {
  /// Permits as many descriptors as the administrator allows: the usual soft limit of 1,024, made for programs that use
  /// select(2), is few for a server. A failure leaves it as it was.
  static func raiseDescriptors() {
    var limit = rlimit()
    guard getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
  }
}
