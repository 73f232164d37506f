import WireKit

/// What PROPFIND asks for (RFC 4918 §9.1).
public enum PropertyRequest: Sendable, Hashable {
  /// Everything, and these as well.
  case all(including: [XMLName])
  case names
  case some([XMLName])

  /// From the request's content; none means everything. `nil` when it is malformed.
  public init?(_ content: [UInt8]) {
    guard !content.isEmpty else {
      self = .all(including: [])
      return
    }
    guard let root = XMLElement(content), root.name == .dav("propfind") else { return nil }
    if let wanted = root.first(.dav("prop")) {
      self = .some(wanted.elements.map(\.name))
    } else if root.first(.dav("propname")) != nil {
      self = .names
    } else if root.first(.dav("allprop")) != nil {
      self = .all(including: root.first(.dav("include"))?.elements.map(\.name) ?? [])
    } else {
      return nil
    }
  }
}

/// What PROPPATCH changes, in its order (RFC 4918 §9.2).
public struct PropertyChanges: Sendable, Hashable {
  public enum Change: Sendable, Hashable {
    case set(XMLElement)
    case remove(XMLName)

    public var name: XMLName {
      switch self {
      case .set(let element): element.name
      case .remove(let name): name
      }
    }
  }

  public var changes: [Change]

  public init?(_ content: [UInt8]) {
    guard let root = XMLElement(content), root.name == .dav("propertyupdate") else { return nil }
    changes = []
    for step in root.elements {
      guard let properties = step.first(.dav("prop")) else {
        if step.name == .dav("set") || step.name == .dav("remove") { return nil }
        continue
      }
      switch step.name {
      case .dav("set"): changes += properties.elements.map { .set($0) }
      case .dav("remove"): changes += properties.elements.map { .remove($0.name) }
      default: continue
      }
    }
    guard !changes.isEmpty else { return nil }
  }
}

/// What LOCK asks for (RFC 4918 §9.10).
public struct LockRequest: Sendable, Hashable {
  public var isExclusive: Bool
  /// The `owner` element's content, kept as it came.
  public var owner: XMLElement?

  public init?(_ content: [UInt8]) {
    guard let root = XMLElement(content), root.name == .dav("lockinfo"),
      root.first(.dav("locktype"))?.first(.dav("write")) != nil, let scope = root.first(.dav("lockscope"))
    else { return nil }
    if scope.first(.dav("exclusive")) != nil {
      isExclusive = true
    } else if scope.first(.dav("shared")) != nil {
      isExclusive = false
    } else {
      return nil
    }
    owner = root.first(.dav("owner"))
  }
}

/// How far down a request reaches (RFC 4918 §10.2).
public enum Depth: Sendable, Hashable {
  case zero, one, infinity

  /// From the field's value; `nil` when it is none of the three.
  public init?(_ value: String) {
    switch value.lowercased() {
    case "0": self = .zero
    case "1": self = .one
    case "infinity": self = .infinity
    default: return nil
    }
  }
}

/// The seconds of `Timeout` (RFC 4918 §10.7), the first that is understood; `nil` for none.
public enum LockTimeout {
  public static func seconds(_ value: String) -> Int? {
    for part in value.split(separator: ",") {
      let word = part.drop { $0 == " " }
      if word.lowercased().hasPrefix("infinite") { return .max }
      if word.lowercased().hasPrefix("second-"), let number = UInt32(word.dropFirst(7)) { return Int(number) }
    }
    return nil
  }
}
