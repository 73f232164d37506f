import DNSCore
import WireKit

/// What is answered instead of what others say: block lists, and response policy zones.
///
/// The first layer that knows a name decides. Within a layer the name itself goes before what lies above it, and the closest
/// of those before others.
public struct ResolverPolicy: Sendable {
  public enum Action: Sendable, Hashable {
    /// The name does not exist.
    case noName
    /// It has no such records.
    case noData
    /// As if there were no policy.
    case pass
    /// No answer at all.
    case drop
    /// These records, their owner being whatever was asked for.
    case records([RData], ttl: UInt32)
  }

  /// One list or zone.
  public struct Layer: Sendable {
    /// What it is called in answers and counters.
    public var name: String
    var exact: [Name: Action] = [:]
    var below: [Name: Action] = [:]

    init(name: String) { self.name = name }

    /// Names that it knows.
    public var count: Int { exact.count + below.filter { exact[$0.key] == nil }.count }

    func action(for name: Name) -> Action? {
      if let action = exact[name] { return action }
      guard !below.isEmpty else { return nil }
      var above = name.parent
      while let ancestor = above {
        if let action = below[ancestor] { return action }
        above = ancestor.parent
      }
      return nil
    }
  }

  public var layers: [Layer]

  public init(_ layers: [Layer] = []) { self.layers = layers }

  var isEmpty: Bool { layers.isEmpty }

  /// What is decided of a name; `nil` when nobody decides anything.
  func decision(for name: Name) -> (action: Action, layer: String)? {
    for layer in layers {
      if let action = layer.action(for: name) { return (action, layer.name) }
    }
    return nil
  }
}

extension ResolverPolicy.Layer {
  /// A list of names that don't exist, nor does anything below them. Each line is a name, or a line of a hosts file
  /// (`0.0.0.0 ads.example`), or of an ad blocker's list (`||ads.example^`); `#` and `!` begin remarks.
  /// - Returns: The list, and how many lines make no sense.
  public static func list(_ text: [UInt8], name: String) -> (layer: ResolverPolicy.Layer, unread: Int) {
    var layer = ResolverPolicy.Layer(name: name)
    var unread = 0
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      guard let first = words.first, first.first != UInt8(ascii: "#"), first.first != UInt8(ascii: "!") else {
        continue
      }
      var names = [String(decoding: first, as: UTF8.self)]
      if words.count > 1, IPAddress(names[0]) != nil {
        names = words.dropFirst().prefix { $0.first != UInt8(ascii: "#") }.map { String(decoding: $0, as: UTF8.self) }
      }
      for name in names where !layer.block(name) { unread += 1 }
    }
    return (layer, unread)
  }

  private mutating func block(_ text: String) -> Bool {
    var text = Substring(text)
    if text.hasPrefix("||") {
      guard text.hasSuffix("^") else { return false }
      text = text.dropFirst(2).dropLast()
    }
    let isBelowOnly = text.hasPrefix("*.")
    if isBelowOnly { text = text.dropFirst(2) }
    guard let name = try? Name(String(text)), !name.isRoot, IPAddress(String(text)) == nil else { return false }
    // The names that hosts files begin with.
    if ["localhost.", "localhost.localdomain.", "local.", "broadcasthost."].contains(name.lowercased.description) {
      return true
    }
    below[name] = .noName
    if !isBelowOnly { exact[name] = .noName }
    return true
  }

  /// A response policy zone, as far as names are what triggers: `CNAME .` says that a name does not exist, `CNAME *.` that it
  /// has no records, `CNAME rpz-passthru.` lets it through, `CNAME rpz-drop.` gives no answer; any other record is the
  /// answer.
  /// - Returns: The layer, and how many records have triggers that are not known here.
  public static func policyZone(_ zone: Zone) -> (layer: ResolverPolicy.Layer, unread: Int) {
    var layer = ResolverPolicy.Layer(name: zone.apex.description)
    var unread = 0
    zone.forEachRecord { record in
      guard record.name != zone.apex, ![.soa, .ns, .rrsig, .nsec, .dnskey].contains(record.type) else { return }
      let labels = record.name.labels.dropLast(zone.apex.labelCount).map { Array($0) }
      // Triggers by address, server or client end in a label of their own.
      if let last = labels.last, last.starts(with: Array("rpz-".utf8)) {
        unread += 1
        return
      }
      let isBelow = labels.first == [UInt8(ascii: "*")]
      guard let trigger = try? Name(labels: isBelow ? Array(labels.dropFirst()) : labels) else { return }
      let action = Self.action(of: record)
      let old = isBelow ? layer.below[trigger] : layer.exact[trigger]
      let merged = Self.merged(old, action)
      if isBelow { layer.below[trigger] = merged } else { layer.exact[trigger] = merged }
    }
    return (layer, unread)
  }

  private static func action(of record: ResourceRecord) -> ResolverPolicy.Action {
    if let alias = try? record.data.value(as: CNAME.self) {
      switch alias.target.lowercased.description {
      case ".": return .noName
      case "*.": return .noData
      case "rpz-passthru.": return .pass
      case "rpz-drop.": return .drop
      default: break
      }
    }
    return .records([record.data], ttl: record.ttl)
  }

  private static func merged(_ old: ResolverPolicy.Action?, _ new: ResolverPolicy.Action) -> ResolverPolicy.Action {
    guard case .records(let before, let ttl) = old, case .records(let more, let other) = new else { return new }
    return .records(before + more, ttl: min(ttl, other))
  }
}

extension ResolverPolicy.Action {
  /// The answer to a question; `nil` for silence. The name asked for owns the records.
  func answer(to question: Question) -> (code: ResponseCode, answers: [ResourceRecord])? {
    switch self {
    case .noName: return (.nxDomain, [])
    case .noData, .pass: return (.noError, [])
    case .drop: return nil
    case .records(let data, let ttl):
      let chosen = data.filter { $0.type == question.type || $0.type == .cname || question.type == .any }
      return (.noError, chosen.map { ResourceRecord(question.name, ttl: ttl, $0) })
    }
  }
}
