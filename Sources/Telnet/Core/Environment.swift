/// What a client says of its environment (RFC 1572, RFC 1408), as far as anybody here wants to know.
///
/// Nothing of it ever reaches a process or a log-in: names are compared with a short list, and `USER`, `LD_PRELOAD` and
/// whatever else a client sends are passed over.
enum Environment {
  static let allowed: Set<String> = ["LANG", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM", "CHARSET", "CLIENT_NAME"]
  static let maximumValue = 128

  private static let variable: UInt8 = 0
  private static let value: UInt8 = 1
  private static let escape: UInt8 = 2
  private static let userVariable: UInt8 = 3

  static let isCommand: UInt8 = 0
  static let sendCommand: UInt8 = 1
  static let infoCommand: UInt8 = 2

  /// The question for what is allowed: the standard variables and the user's own.
  static var question: [UInt8] { [sendCommand] }

  /// The variables of an IS or INFO, behind its first byte.
  static func variables(_ content: ArraySlice<UInt8>) -> [String: String] {
    var result: [String: String] = [:]
    var name: [UInt8]?
    var text: [UInt8]?
    var isEscaped = false
    func finish() {
      guard let name, let text, let key = String(validating: name, as: UTF8.self), allowed.contains(key),
        text.count <= maximumValue, text.allSatisfy({ (0x20..<0x7F).contains($0) })
      else { return }
      result[key] = String(decoding: text, as: UTF8.self)
    }
    for byte in content {
      if !isEscaped, byte == escape {
        isEscaped = true
        continue
      }
      if !isEscaped, byte == variable || byte == userVariable {
        finish()
        (name, text) = ([], nil)
      } else if !isEscaped, byte == value, name != nil, text == nil {
        text = []
      } else if text != nil {
        text?.append(byte)
      } else {
        name?.append(byte)
      }
      isEscaped = false
    }
    finish()
    return result
  }
}
