import Services

/// In whose name a command runs, for those who carry it out.
public struct ConsoleCaller: Sendable {
  /// An account, or a user of the machine.
  public let name: String
  /// How the account is connected; `nil` at the machine itself.
  public let session: SessionRecord?
  /// Whether the caller is permitted this as well, at this moment.
  public let permits: @Sendable (String) async -> Bool
}

/// What rows are known by to those who follow them.
enum FollowToken {
  /// FNV-1a over all cells: the same rows give the same token; nobody gains by two that collide.
  static func of(_ rows: [[String]]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for row in rows {
      for cell in row {
        for byte in cell.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ 0x1F) &* 0x100_0000_01B3
      }
      hash = (hash ^ 0x1E) &* 0x100_0000_01B3
    }
    return String(hash, radix: 16)
  }
}
