import Glibc
import SystemShims

/// A thread of its own, for work that blocks and must not hold one of Swift's few.
enum SystemThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Starts a detached thread. `name` has at most 15 bytes.
  static func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(SupervisionError) {
    let body = Unmanaged.passRetained(
      Body {
        portside_name_thread(name)
        run()
      })
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let failed = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
    guard failed == 0 else {
      body.release()
      throw .system("start a thread", failed)
    }
  }
}
