/// The `If` field (RFC 4918 §10.4): lists of conditions, of which one list must be true.
///
/// ```
/// If: </dav/a> (<urn:uuid:1> ["tag"]) (Not <DAV:no-lock>)
/// ```
public struct IfHeader: Sendable, Hashable {
  public enum Condition: Sendable, Hashable {
    case token(String, isNegated: Bool)
    /// The tag as it stands, quotes included.
    case tag(String, isNegated: Bool)
  }

  public struct List: Sendable, Hashable {
    /// The URL that the list is for; `nil`: the request's own.
    public var resource: String?
    public var conditions: [Condition]
  }

  private static let maximumLists = 64
  private static let maximumConditions = 256

  public var lists: [List]

  /// `nil` when malformed.
  public init?(_ value: String) {
    lists = []
    var rest = Substring(value)
    var resource: String?
    var count = 0
    func skip(_ rest: inout Substring) { rest = rest.drop { $0 == " " || $0 == "\t" } }
    func take(_ rest: inout Substring, until end: Character) -> String? {
      guard let index = rest.firstIndex(of: end) else { return nil }
      defer { rest = rest[rest.index(after: index)...] }
      return String(rest[..<index])
    }
    skip(&rest)
    while let first = rest.first {
      rest = rest.dropFirst()
      if first == "<" {
        guard let url = take(&rest, until: ">"), !url.isEmpty else { return nil }
        resource = url
      } else if first == "(" {
        var conditions: [Condition] = []
        while true {
          skip(&rest)
          var isNegated = false
          if rest.prefix(3).lowercased() == "not" {
            isNegated = true
            rest = rest.dropFirst(3)
            skip(&rest)
          }
          guard let mark = rest.first else { return nil }
          rest = rest.dropFirst()
          if mark == ")" {
            if isNegated || conditions.isEmpty { return nil }
            break
          }
          count += 1
          guard count <= Self.maximumConditions else { return nil }
          if mark == "<", let token = take(&rest, until: ">") {
            conditions.append(.token(token, isNegated: isNegated))
          } else if mark == "[", let tag = take(&rest, until: "]") {
            conditions.append(.tag(tag, isNegated: isNegated))
          } else {
            return nil
          }
        }
        guard lists.count < Self.maximumLists else { return nil }
        lists.append(List(resource: resource, conditions: conditions))
      } else {
        return nil
      }
      skip(&rest)
    }
    guard !lists.isEmpty else { return nil }
  }

  /// All lock tokens that are named, negated or not: what the client shows that it has.
  public var tokens: Set<String> {
    Set(
      lists.flatMap(\.conditions).compactMap { condition in
        if case .token(let token, _) = condition { token } else { nil }
      })
  }
}
