import Dispatch
import Glibc
import Services
import Synchronization
import WireKit

/// Leases in one file that only grows: a group of claims is one write and one sync, whatever the number of leases.
///
/// The whole of it is in memory as well, which is what decides about claims. Now and then the file is written anew with what still
/// stands. One process writes at a time, as a lock on the file sees to; others may read (`read`) or leave wishes (`LeaseWishes`).
public final class JournalLeaseStore: LeaseStore {
  private struct State: ~Copyable {
    var leases: LeaseSet
    /// `nil` once it is closed.
    var file: JournalFile?
  }

  private let state: Mutex<State>
  /// Syncs block; they have a thread of their own for that.
  private let queue = DispatchQueue(label: "leases")
  private let meter: Meter?

  /// Opens the file, or makes it, with mode 0600. `.unavailable` when another process has it, `.corrupt` when it is damaged in a way
  /// that no loss of power explains.
  /// - Parameters:
  ///   - growth: Bytes by which the file grows at a time.
  ///   - rewrittenAbove: Bytes below which it is not written anew.
  ///   - meter: What commits are timed on.
  public init(
    path: String, growth: Int = 1 << 20, rewrittenAbove: Int = 4 << 20, meter: Meter? = nil
  ) throws(StoreError) {
    self.meter = meter
    let (file, leases) = try JournalFile.open(path, growth: growth, rewrittenAbove: rewrittenAbove)
    state = Mutex(State(leases: leases, file: file))
  }

  /// What a file holds at this moment, beside whoever writes it. Nothing without a file.
  public static func read(_ path: String) throws(StoreError) -> LeaseSet {
    guard let bytes = try JournalFile.content(path) else { return LeaseSet() }
    return try LeaseJournalFormat.read(bytes).leases
  }

  /// Closes the file; whatever is asked afterwards throws `.unavailable`.
  public func close() { queue.sync { state.withLock { $0.file = nil } } }

  public func all() async throws(StoreError) -> [LeaseRecord] {
    let found = state.withLock { $0.file == nil ? nil : $0.leases.all }
    guard let found else { throw Self.closed }
    return found
  }

  public func page(
    after: LeasePosition?, limit: Int, heldAt: WallTime?
  ) async throws(StoreError) -> [LeaseRecord] {
    let found = state.withLock { $0.file == nil ? nil : $0.leases.page(after: after, limit: limit, heldAt: heldAt) }
    guard let found else { throw Self.closed }
    return found
  }

  public func claim(_ claims: [LeaseClaim], now: WallTime) async throws(StoreError) -> [LeaseRecord?] {
    if claims.isEmpty { return [] }
    return try await inOrder { leases, file throws(StoreError) in
      var entries: [UInt8] = []
      entries.reserveCapacity(claims.count * 128)
      var done: [LeaseSet.Replaced] = []
      done.reserveCapacity(claims.count)
      var results = [LeaseRecord?](repeating: nil, count: claims.count)
      for (index, claim) in claims.enumerated() {
        switch leases.claim(claim, now: now) {
        case .stands(let replaced):
          done.append(replaced)
          LeaseJournalFormat.append(.record(claim.record), to: &entries)
        case .refused(let standing): results[index] = standing
        }
      }
      do throws(StoreError) { try file.append(entries, leases) } catch {
        for replaced in done.reversed() { leases.undo(replaced) }
        throw error
      }
      return results
    }
  }

  public func remove(subnet: IPNetwork, address: IPAddress) async throws(StoreError) {
    try await inOrder { leases, file throws(StoreError) in
      var entries: [UInt8] = []
      LeaseJournalFormat.append(.removal(subnet: subnet, address: address), to: &entries)
      let old = leases.remove(subnet: subnet, address: address)
      do throws(StoreError) { try file.append(entries, leases) } catch {
        if let old { leases.enter(old) }
        throw error
      }
    }
  }

  private static let closed = StoreError(.unavailable, "the leases are closed")

  private func inOrder<Value: Sendable>(
    _ body: @escaping @Sendable (inout LeaseSet, JournalFile) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let timer = StoreTimer(meter, .commit)
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      queue.async { [self] in
        continuation.resume(
          returning: state.withLock { state in
            guard let file = state.file else { return .failure(Self.closed) }
            do throws(StoreError) { return .success(try body(&state.leases, file)) } catch { return .failure(error) }
          })
      }
    }
    switch result {
    case .success: timer.end(.ok)
    case .failure: timer.end(.failed)
    }
    return try result.get()
  }
}
