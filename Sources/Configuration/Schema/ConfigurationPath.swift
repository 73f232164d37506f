/// The way to a value: `smtp.max_size`, `dhcp.subnet."192.168.10.0/24".pool`, `dns.transfer[0].to`.
public struct ConfigurationPath: Hashable, Sendable {
  public enum Component: Hashable, Sendable {
    case key(String)
    /// The place in a list, from 0.
    case index(Int)
  }

  public var components: [Component]

  public init(_ components: [Component] = []) { self.components = components }
  public init(_ keys: String...) { components = keys.map { .key($0) } }

  public static let root = ConfigurationPath([])

  public func appending(_ key: String) -> ConfigurationPath { ConfigurationPath(components + [.key(key)]) }
  public func appending(index: Int) -> ConfigurationPath { ConfigurationPath(components + [.index(index)]) }
  public func appending(_ rest: ConfigurationPath) -> ConfigurationPath {
    ConfigurationPath(components + rest.components)
  }

  /// The first key: the section.
  public var section: String? {
    if case .key(let name) = components.first { return name }
    return nil
  }

  /// The path without its last component.
  public var parent: ConfigurationPath { ConfigurationPath(Array(components.dropLast())) }

  /// The path up to its first place in a list.
  var field: ConfigurationPath {
    ConfigurationPath(
      Array(components.prefix { if case .key = $0 { true } else { false } }))
  }

  public func starts(with other: ConfigurationPath) -> Bool { components.starts(with: other.components) }

  /// Reads a path as it is printed; `nil` when it is none.
  public init?(parsing text: String) {
    var components: [Component] = []
    var rest = text[...]
    while !rest.isEmpty {
      if rest.first == "[" {
        guard let end = rest.firstIndex(of: "]"),
          let index = ASCIIText.number(rest[rest.index(after: rest.startIndex)..<end], as: Int.self)
        else { return nil }
        components.append(.index(index))
        rest = rest[rest.index(after: end)...]
        continue
      }
      if !components.isEmpty {
        guard rest.first == "." else { return nil }
        rest = rest.dropFirst()
      }
      guard let (key, behind) = Self.takeKey(rest) else { return nil }
      components.append(.key(key))
      rest = behind
    }
    guard !components.isEmpty else { return nil }
    self.components = components
  }

  private static func takeKey(_ text: Substring) -> (String, Substring)? {
    if text.first == "\"" {
      var key = ""
      var rest = text.dropFirst()
      while let character = rest.first {
        rest = rest.dropFirst()
        if character == "\"" { return (key, rest) }
        key.append(character)
      }
      return nil
    }
    let key = text.prefix { $0 != "." && $0 != "[" }
    return key.isEmpty ? nil : (String(key), text.dropFirst(key.count))
  }
}

extension ConfigurationPath: CustomStringConvertible {
  public var description: String {
    var text = ""
    for component in components {
      switch component {
      case .key(let name): text += (text.isEmpty ? "" : ".") + TOMLText.key(name)
      case .index(let index): text += "[\(index)]"
      }
    }
    return text
  }
}
