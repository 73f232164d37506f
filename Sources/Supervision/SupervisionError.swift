import Glibc

/// Why the supervisor or a worker's side of it can't do what was asked.
public struct SupervisionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of trouble. A struct, so that a new kind breaks nobody's `switch`.
  public struct Code: Hashable, Sendable {
    private let text: String
    private init(_ text: String) { self.text = text }

    /// The plan contradicts itself or asks for more than is possible.
    public static let badPlan = Code("bad plan")
    /// Another socket has the address.
    public static let addressTaken = Code("address taken")
    /// The kernel refused; the text has its reason.
    public static let system = Code("system")
    /// The other end of a control socket said something that it must not say.
    public static let channel = Code("channel")
    /// No supervisor answers, or it is stopping.
    public static let notRunning = Code("not running")
    /// A plan could not be loaded.
    public static let refused = Code("refused")
  }

  public let code: Code
  /// For who runs the server.
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  /// A failed system call: what was attempted, and why the kernel refused.
  static func system(_ attempt: String, _ number: Int32) -> SupervisionError {
    SupervisionError(.system, "\(attempt): \(errorText(number))")
  }
}

/// The C library's words for an errno.
func errorText(_ number: Int32) -> String {
  var text = [CChar](repeating: 0, count: 256)
  guard strerror_r(number, &text, text.count) == 0 else { return "error \(number)" }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
