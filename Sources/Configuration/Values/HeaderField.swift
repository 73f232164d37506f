/// The name of a field of HTTP: `X-Frame-Options`.
public struct HeaderFieldName: Hashable, Sendable {
  public let description: String
}

extension HeaderFieldName: ConfigurationText {
  public static var typeName: String { "field name" }
  public static var form: String { "the name of a header field such as \"X-Frame-Options\"" }

  /// Those that say where a message ends are the server's own.
  private static let own = ["content-length", "transfer-encoding", "connection", "upgrade", "date", "keep-alive"]

  public init(configuration text: String) throws(TextError) {
    guard (1...256).contains(text.utf8.count),
      text.utf8.allSatisfy({
        ASCIIText.isLetter($0) || ASCIIText.isDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0)
      })
    else { throw Self.mismatch(text) }
    guard !Self.own.contains(text.lowercased()) else {
      throw Self.mismatch(text, hint: "the server itself writes this field")
    }
    description = text
  }
}

extension HeaderFieldName: Comparable {
  public static func < (left: HeaderFieldName, right: HeaderFieldName) -> Bool { left.description < right.description }
}

/// The value of a field; an empty one takes the field out.
public struct HeaderFieldValue: Hashable, Sendable {
  public let description: String
}

extension HeaderFieldValue: ConfigurationText {
  public static var typeName: String { "field value" }
  public static var form: String { "the value of a header field, or \"\" to take it out" }

  public init(configuration text: String) throws(TextError) {
    guard text.utf8.count <= 8192, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
      throw Self.mismatch(text)
    }
    description = text
  }
}

/// The status of an error: `404`.
public struct ErrorStatus: Hashable, Sendable {
  public let number: UInt16
  public var description: String { "\(number)" }
}

extension ErrorStatus: ConfigurationText {
  public static var typeName: String { "status" }
  public static var form: String { "the status of an error such as \"404\": 400 to 599" }

  public init(configuration text: String) throws(TextError) {
    guard text.utf8.count == 3, let number = ASCIIText.number(text, as: UInt16.self), (400...599).contains(number)
    else { throw Self.mismatch(text) }
    self.number = number
  }
}

extension ErrorStatus: Comparable {
  public static func < (left: ErrorStatus, right: ErrorStatus) -> Bool { left.number < right.number }
}

/// So many requests in so much time: `20/s`, `600/m`.
public struct RequestRate: Hashable, Sendable {
  public let requests: Int
  public let per: Duration
  private let unit: String
  public var description: String { "\(requests)/\(unit)" }
}

extension RequestRate: ConfigurationText {
  public static var typeName: String { "rate" }
  public static var form: String { "a rate such as \"20/s\", \"600/m\" or \"1000/h\"" }

  public init(configuration text: String) throws(TextError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = ASCIIText.number(parts[0], as: Int.self), (1...1_000_000).contains(number)
    else { throw Self.mismatch(text) }
    switch parts[1] {
    case "s": per = .seconds(1)
    case "m": per = .seconds(60)
    case "h": per = .seconds(3600)
    default: throw Self.mismatch(text)
    }
    requests = number
    unit = String(parts[1])
  }
}
