import Synchronization

/// Digests in memory, up to a number of bytes: two generations, of which the older goes when the younger is full.
final class DigestCache: Sendable {
  private struct State {
    var young: [Int64: [UInt8]] = [:]
    var old: [Int64: [UInt8]] = [:]
    var youngBytes = 0
  }

  private static let generationBytes = 16 * 1024 * 1024
  private let state = Mutex(State())

  func digest(of email: Int64) -> [UInt8]? {
    state.withLock { state in
      if let digest = state.young[email] { return digest }
      guard let digest = state.old[email] else { return nil }
      Self.add(digest, of: email, to: &state)
      return digest
    }
  }

  func add(_ digest: [UInt8], of email: Int64) {
    if digest.isEmpty { return }
    state.withLock { Self.add(digest, of: email, to: &$0) }
  }

  private static func add(_ digest: [UInt8], of email: Int64, to state: inout State) {
    if state.youngBytes + digest.count > generationBytes {
      state.old = state.young
      state.young = [:]
      state.youngBytes = 0
    }
    if state.young.updateValue(digest, forKey: email) == nil { state.youngBytes += digest.count + 64 }
  }
}
