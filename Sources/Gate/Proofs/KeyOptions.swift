import Services
import WireKit

/// The options in front of a key in `authorized_keys` (sshd(8)), as far as `gate` decides by them: from where, until when.
/// The rest binds the session and is the SSH server's.
package struct KeyOptions: Hashable, Sendable {
  /// The names and values, in order; a flag has no value.
  package private(set) var list: [(name: String, value: String?)] = []

  package static func == (left: KeyOptions, right: KeyOptions) -> Bool {
    left.list.elementsEqual(right.list) { $0.name == $1.name && $0.value == $1.value }
  }

  package func hash(into hasher: inout Hasher) {
    for option in list { hasher.combine(option.name) }
  }

  /// Reads `name,name="value",…`; `nil` for what is not of that form, or for a `from` or `expiry-time` that can't be
  /// read: a restriction that nobody understands must not be passed over.
  package init?(_ text: String) {
    var rest = text[...]
    while !rest.isEmpty {
      let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
      guard !name.isEmpty else { return nil }
      rest = rest.dropFirst(name.count)
      var value: String?
      if rest.hasPrefix("=\"") {
        guard let (quoted, tail) = Self.quoted(rest.dropFirst(2)) else { return nil }
        (value, rest) = (quoted, tail)
      }
      list.append((name.lowercased(), value))
      if rest.isEmpty { break }
      guard rest.first == ",", rest.count > 1 else { return nil }
      rest = rest.dropFirst()
    }
    for option in list {
      if option.name == "from", Self.patterns(option.value ?? "") == nil { return nil }
      if option.name == "expiry-time", CivilTime.keyExpiry(option.value ?? "") == nil { return nil }
    }
  }

  /// Whether the key may be used from here and at this time.
  package func permit(peer: IPAddress, at time: WallTime) -> Bool {
    list.allSatisfy { option in
      switch option.name {
      case "from": Self.patterns(option.value ?? "").map { Self.match(peer, $0) } ?? false
      case "expiry-time": CivilTime.keyExpiry(option.value ?? "").map { time < $0 } ?? false
      default: true
      }
    }
  }

  /// Up to the closing mark; `\"` stands for the mark itself.
  private static func quoted(_ text: Substring) -> (String, Substring)? {
    var value = ""
    var index = text.startIndex
    while index < text.endIndex {
      let next = text.index(after: index)
      if text[index] == "\"" { return (value, text[next...]) }
      if text[index] == "\\", next < text.endIndex, text[next] == "\"" {
        value.append("\"")
        index = text.index(after: next)
        continue
      }
      value.append(text[index])
      index = next
    }
    return nil
  }

  /// `from` as networks, each with whether it is excluded by `!`. Host names and wildcards are not taken: a name that the
  /// peer's own reverse zone states proves nothing.
  private static func patterns(_ value: String) -> [(network: IPNetwork, isExcluded: Bool)]? {
    var patterns: [(IPNetwork, Bool)] = []
    for word in value.split(separator: ",", omittingEmptySubsequences: false) {
      let isExcluded = word.hasPrefix("!")
      guard let network = IPNetwork(String(isExcluded ? word.dropFirst() : word)) else { return nil }
      patterns.append((network, isExcluded))
    }
    return patterns.isEmpty ? nil : patterns
  }

  private static func match(_ peer: IPAddress, _ patterns: [(network: IPNetwork, isExcluded: Bool)]) -> Bool {
    let hits = patterns.filter { $0.network.contains(peer) }
    return !hits.isEmpty && !hits.contains { $0.isExcluded }
  }
}
