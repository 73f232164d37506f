import WireKit

/// Conditional requests (RFC 9110 §13).
public enum Preconditions {
  /// What becomes of the request.
  public enum Outcome: Hashable, Sendable {
    case proceed
    /// 304
    case notModified
    /// 412
    case failed
  }

  /// Judges a request on a representation in the order of §13.2.2. Pass `nil` for a representation that does not exist.
  public static func evaluate(
    _ fields: Fields, method: Method, tag: EntityTag?, modified: HTTPDate?
  ) -> Outcome {
    let reads = method == .get || method == .head
    if fields.contains(.ifMatch) {
      guard matches(fields, .ifMatch, tag, strongly: true) else { return .failed }
    } else if let since = date(fields, .ifUnmodifiedSince), modified == nil || modified.map({ $0 > since }) == true {
      return .failed
    }
    if fields.contains(.ifNoneMatch) {
      if matches(fields, .ifNoneMatch, tag, strongly: false) { return reads ? .notModified : .failed }
    } else if reads, let since = date(fields, .ifModifiedSince), let modified, modified <= since {
      return .notModified
    }
    return .proceed
  }

  /// Whether `Range` is to be heeded, by `If-Range` (§13.1.5): a strong match or exactly the date.
  public static func allowsRange(_ fields: Fields, tag: EntityTag?, modified: HTTPDate?) -> Bool {
    guard fields.contains(.ifRange) else { return true }
    let verdict = fields.withValue(.ifRange) { (value) -> Bool in
      if let wanted = EntityTag(value) { return tag.map { wanted.matchesStrongly($0) } ?? false }
      guard let wanted = HTTPDate(value) else { return false }
      return wanted == modified
    }
    return verdict == true && fields.count(of: .ifRange) == 1
  }

  private static func matches(_ fields: Fields, _ name: FieldName, _ tag: EntityTag?, strongly: Bool) -> Bool {
    for entry in fields.entries where entry.known == name {
      var members = ListReader(fields.bytes.span.bytes.extracting(entry.value.bounds))
      while let range = members.next() {
        let member = members.bytes.extracting(range)
        if member.isEqual(to: "*") { return tag != nil }
        guard let tag, let wanted = EntityTag(member) else { continue }
        if strongly ? wanted.matchesStrongly(tag) : wanted.matchesWeakly(tag) { return true }
      }
    }
    return false
  }

  /// A date that stands there once and is valid; others are ignored (§13.1.3, §13.1.4).
  private static func date(_ fields: Fields, _ name: FieldName) -> HTTPDate? {
    guard fields.count(of: name) == 1 else { return nil }
    return fields.withValue(name) { HTTPDate($0) } ?? nil
  }
}
