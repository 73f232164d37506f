/// The address that somebody's program asks settings for: checked, since it goes back into XML.
public struct SetupAddress: Hashable, Sendable {
  public let address: String
  public let domain: String

  /// `nil` for anything but one plain address.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...64).contains(parts[0].utf8.count), (1...253).contains(parts[1].utf8.count),
      parts[0].utf8.allSatisfy({ Self.isAtom($0) }), parts[1].utf8.allSatisfy({ Self.isHost($0) })
    else { return nil }
    address = String(text)
    domain = parts[1].lowercased()
  }

  private static func isAtom(_ byte: UInt8) -> Bool { isHost(byte) || "!#$%*+/=?^_{|}~".utf8.contains(byte) }

  private static func isHost(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: true
    default: false
    }
  }

  /// From `emailaddress=ann%40lab.test` within a query.
  public init?(query: String?) {
    guard let query, query.utf8.count <= 2_000 else { return nil }
    for part in query.split(separator: "&") {
      let words = part.split(separator: "=", maxSplits: 1)
      guard words.count == 2, words[0].lowercased() == "emailaddress" || words[0].lowercased() == "email" else {
        continue
      }
      self.init(Self.decoded(words[1]))
      return
    }
    return nil
  }

  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == 0x25, rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// From the request of Outlook: what stands between the tags `EMailAddress`, whatever its namespace.
  public init?(autodiscover request: [UInt8]) {
    guard request.count <= 16_384 else { return nil }
    let text = String(decoding: request, as: UTF8.self)
    guard let start = text.range(of: "EMailAddress>"), let end = text[start.upperBound...].firstIndex(of: "<") else {
      return nil
    }
    self.init(text[start.upperBound..<end].filter { !$0.isWhitespace })
  }
}

extension StringProtocol {
  /// The first place of a text, without Foundation.
  func range(of other: String) -> Range<Index>? { firstRange(of: other) }

  /// As the content or an attribute of XML.
  var xml: String {
    reduce(into: "") { output, character in
      switch character {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "'": output += "&apos;"
      default: output.append(character)
      }
    }
  }
}
