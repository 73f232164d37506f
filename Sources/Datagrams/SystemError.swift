import Glibc

/// A failed system call, with its error number.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  public let call: String
  public let number: Int32

  public init(_ call: String, _ number: Int32) {
    self.call = call
    self.number = number
  }

  public var description: String { "\(call): \(String(cString: strerror(number)))" }
}
