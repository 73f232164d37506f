/// Why a text is no name, record or zone file.
public struct PresentationError: Error, Hashable, Sendable {
  /// What is wrong, for the person who wrote the text.
  public let message: String
  /// Bytes from the start of the text to the trouble.
  public let offset: Int

  public init(_ message: String, at offset: Int) {
    self.message = message
    self.offset = offset
  }
}

extension PresentationError: CustomStringConvertible {
  public var description: String { "\(message) at byte \(offset)" }
}
