import HTTPCore
import WireKit

/// Which paths a rule is for: one path, or all that begin with something: `/old`, `/docs/*`.
///
/// Compared with the path as it came: an encoded form is another path.
public struct PathPattern: Sendable, Hashable {
  let prefix: [UInt8]
  let isOpen: Bool

  public init(_ text: String) {
    isOpen = text.hasSuffix("*")
    prefix = Array((isOpen ? String(text.dropLast()) : text).utf8)
  }

  /// Where the part begins that the `*` stands for; `nil` when the path is another one.
  func match(_ path: RawSpan) -> Int? {
    guard isOpen ? path.byteCount >= prefix.count : path.byteCount == prefix.count else { return nil }
    var index = 0
    for byte in prefix {
      guard path.byte(at: index) == byte else { return nil }
      index += 1
    }
    return prefix.count
  }
}

/// Sends a path elsewhere: inside the server (a rewrite), or the visitor (a redirect).
public struct PathRule: Sendable, Hashable {
  public var pattern: PathPattern
  /// A path or, for redirects, a URL; its `*` is replaced by what the pattern's stands for.
  public var target: String

  public init(from pattern: String, to target: String) {
    self.pattern = PathPattern(pattern)
    self.target = target
  }

  /// The target for this path; `nil` when the rule is not for it.
  func apply(to path: RawSpan) -> String? {
    guard let start = pattern.match(path) else { return nil }
    guard let star = target.lastIndex(of: "*") else { return target }
    let rest = path.extracting(start..<path.byteCount).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    return target[..<star] + rest + target[target.index(after: star)...]
  }

  /// Rules in the order in which they are tried: the longest pattern first, and a whole path before an open one.
  static func ordered(_ rules: [PathRule]) -> [PathRule] {
    rules.sorted { left, right in
      if left.pattern.prefix.count != right.pattern.prefix.count {
        return left.pattern.prefix.count > right.pattern.prefix.count
      }
      return !left.pattern.isOpen && right.pattern.isOpen
    }
  }
}
