/// The hash that zones and catalogs are looked up by: label by label from the root, so that one pass over a name gives
/// the hashes of all its ancestors.
///
/// Peers choose the names that are looked up, but not those that are stored: colliding names cost nobody anything.
struct NameHash {
  /// The hash of the root.
  static let root: UInt32 = 0x811C_9DC5

  /// The state for a child, from its parent's and the octets of its own label, in lower case.
  @inline(__always)
  static func step(_ state: UInt32, _ octet: UInt8) -> UInt32 { (state ^ UInt32(octet)) &* 0x0100_0193 }

  /// The state between two labels.
  @inline(__always)
  static func endLabel(_ state: UInt32) -> UInt32 { (state ^ 0x2E) &* 0x0100_0193 }

  /// The state with its bits mixed: what tables use.
  @inline(__always)
  static func finish(_ state: UInt32) -> UInt32 {
    var hash = state
    hash ^= hash >> 15
    hash = hash &* 0x2C1B_3C6D
    hash ^= hash >> 12
    return hash
  }
}
