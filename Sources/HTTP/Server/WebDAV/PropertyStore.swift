import HTTPCore
import Services
import Synchronization

/// Where the properties are that clients make up for themselves (RFC 4918 §4.4). Calls may block.
public protocol PropertyStore: Sendable {
  /// The properties of everything in one tree: elements by path, then by name.
  func load(_ scope: String) -> [[UInt8]: [XMLName: XMLElement]]
  /// Keeps them; returns once they survive a power cut.
  func save(_ properties: [[UInt8]: [XMLName: XMLElement]], of scope: String) throws
}

/// Properties in memory: gone with the process. For tests and libraries.
public final class MemoryPropertyStore: PropertyStore {
  private let all = Mutex<[String: [[UInt8]: [XMLName: XMLElement]]]>([:])
  public init() {}
  public func load(_ scope: String) -> [[UInt8]: [XMLName: XMLElement]] { all.withLock { $0[scope] ?? [:] } }
  public func save(_ properties: [[UInt8]: [XMLName: XMLElement]], of scope: String) throws {
    all.withLock { $0[scope] = properties }
  }
}

/// The properties of all trees, bounded, with changes that follow what happens to the files.
final class DeadProperties: Sendable {
  /// Octets of one property, properties of a resource, and resources of a tree with any.
  static let largest = 65_536
  static let maximumOfResource = 128
  static let maximumResources = 10_000

  private let store: any PropertyStore
  private let scopes = Mutex<[String: [[UInt8]: [XMLName: XMLElement]]]>([:])

  init(_ store: any PropertyStore) { self.store = store }

  func properties(of place: DAVPlace) -> [XMLName: XMLElement] {
    scopes.withLock { scopes in Self.scope(place.scope, &scopes, store)[place.path.bytes] ?? [:] }
  }

  /// Carries out all changes, or none; whether there was room.
  func change(_ place: DAVPlace, _ changes: [PropertyChanges.Change]) -> Bool {
    update(place.scope) { tree in
      var properties = tree[place.path.bytes] ?? [:]
      for change in changes {
        switch change {
        case .set(let element):
          guard element.document.count <= Self.largest else { return false }
          properties[element.name] = element
        case .remove(let name): properties[name] = nil
        }
      }
      guard properties.count <= Self.maximumOfResource,
        tree[place.path.bytes] != nil || tree.count < Self.maximumResources
      else { return false }
      tree[place.path.bytes] = properties.isEmpty ? nil : properties
      return true
    }
  }

  /// Takes out those of a place and of everything below.
  func remove(_ place: DAVPlace) {
    _ = update(place.scope) { tree in
      let prefix = place.path.bytes
      let gone = tree.keys.filter { $0 == prefix || Self.isBelow($0, prefix) }
      for key in gone { tree[key] = nil }
      return !gone.isEmpty
    }
  }

  /// Copies those of a place and of everything below to another place.
  func copy(_ place: DAVPlace, to target: DAVPlace) {
    let prefix = place.path.bytes
    let source = scopes.withLock { scopes in
      Self.scope(place.scope, &scopes, store).filter { $0.key == prefix || Self.isBelow($0.key, prefix) }
    }
    guard !source.isEmpty else { return }
    _ = update(target.scope) { tree in
      for (key, properties) in source where tree.count < Self.maximumResources {
        tree[target.path.bytes + key.dropFirst(prefix.count)] = properties
      }
      return true
    }
  }

  private static func isBelow(_ path: [UInt8], _ prefix: [UInt8]) -> Bool {
    if prefix == [0x2F] { return path.count > 1 }
    return path.count > prefix.count && path.starts(with: prefix) && path[prefix.count] == 0x2F
  }

  private static func scope(
    _ name: String, _ scopes: inout [String: [[UInt8]: [XMLName: XMLElement]]], _ store: any PropertyStore
  ) -> [[UInt8]: [XMLName: XMLElement]] {
    if let present = scopes[name] { return present }
    let loaded = store.load(name)
    scopes[name] = loaded
    return loaded
  }

  private func update(_ name: String, _ body: (inout [[UInt8]: [XMLName: XMLElement]]) -> Bool) -> Bool {
    scopes.withLock { scopes in
      var tree = Self.scope(name, &scopes, store)
      guard body(&tree) else { return false }
      do { try store.save(tree, of: name) } catch { return false }
      scopes[name] = tree
      return true
    }
  }
}
