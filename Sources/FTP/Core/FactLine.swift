import WireKit

/// A line of MLSD or MLST as a client reads it (RFC 3659 §7.2): facts in any order and letters, one space, the name.
public struct FTPFactLine: Hashable, Sendable {
  /// By name in lower case.
  public var facts: [String: String]
  public var name: [UInt8]

  public init?(_ line: some Collection<UInt8>) {
    guard let space = line.firstIndex(of: 0x20) else { return nil }
    name = Array(line[line.index(after: space)...])
    guard !name.isEmpty else { return nil }
    facts = [:]
    for fact in line[..<space].split(separator: 0x3B) {
      guard let equals = fact.firstIndex(of: 0x3D) else { return nil }
      facts[String(decoding: fact[..<equals], as: UTF8.self).lowercased()] = String(
        decoding: fact[fact.index(after: equals)...], as: UTF8.self)
    }
  }

  public var isFolder: Bool { facts["type"]?.lowercased() == "dir" }
  public var isFile: Bool { facts["type"]?.lowercased() == "file" }
  public var size: UInt64? { facts["size"].flatMap { FTPText.number($0) } }
  public var modified: FTPTime? { facts["modify"].flatMap { FTPTime($0) } }
}
