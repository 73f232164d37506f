import Foundation

/// Words for whoever called the command: results on standard output, everything else on standard error.
enum Terminal {
  static func print(_ text: String) { write(text + (text.hasSuffix("\n") ? "" : "\n"), to: STDOUT_FILENO) }

  static func note(_ text: String) { write(text + (text.hasSuffix("\n") ? "" : "\n"), to: STDERR_FILENO) }

  /// Prints a value as JSON, keys in order; on one line unless a person looks at it.
  static func print(json value: some Encodable) throws {
    print(try json(value, pretty: isatty(STDOUT_FILENO) == 1))
  }

  static func json(_ value: some Encodable, pretty: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting =
      pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Asks for a secret without showing it, twice where it is new. `nil` when there is no terminal.
  static func askSecret(_ prompt: String) -> String? {
    guard isatty(STDIN_FILENO) == 1, let answer = getpass(prompt) else { return nil }
    return String(cString: answer)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
