import Configuration
import Synchronization
import WireKit

/// Whether a source may log in without TLS, by the section as it is now.
final class PlainTextRule: Sendable {
  private let section = Mutex(HTTPSection())

  func replace(_ new: HTTPSection) { section.withLock { $0 = new } }

  func accepts(_ source: IPAddress) -> Bool { section.withLock { $0.acceptsPlaintext(from: source) } }
}
