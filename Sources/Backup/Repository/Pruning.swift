/// Which backups are kept when old ones are removed.
public struct KeepRule: Sendable {
  /// The newest ones.
  public var last: Int
  /// The newest of each of so many days, and of so many months, that have one.
  public var daily: Int
  public var monthly: Int

  public init(last: Int, daily: Int, monthly: Int) {
    self.last = last
    self.daily = daily
    self.monthly = monthly
  }

  /// The identifiers of those that stay. - Parameter snapshots: the oldest first.
  func kept(_ snapshots: [Snapshot]) -> Set<String> {
    var kept = Set(snapshots.suffix(max(0, last)).map(\.id))
    // The date stands in front of the name: `2026-11-25T…`.
    for (count, length) in [(daily, 10), (monthly, 7)] {
      var periods: Set<Substring> = []
      for snapshot in snapshots.reversed() {
        let period = snapshot.id.prefix(length)
        if periods.contains(period) { continue }
        guard periods.count < count else { break }
        periods.insert(period)
        kept.insert(snapshot.id)
      }
    }
    return kept
  }
}

extension Repository {
  public struct Pruned: Sendable {
    public var removed: [String] = []
    /// Bytes that were given back.
    public var freed: Int64 = 0
  }

  /// Removes backups that the rule does not keep, and the content that only they had. The newest stays in any case.
  public func prune(_ rule: KeepRule) throws(BackupError) -> Pruned {
    let lock = try place.lock()
    defer { withExtendedLifetime(lock) {} }
    try loadIndex()
    try removeLeftovers()
    let all = try snapshots()
    var kept = rule.kept(all)
    if let newest = all.last { kept.insert(newest.id) }
    var pruned = Pruned()
    var used: Set<ChunkID> = []
    for snapshot in all where kept.contains(snapshot.id) {
      used.formUnion(snapshot.tree)
      for entry in try entries(of: snapshot) { used.formUnion(entry.chunks) }
    }
    // The snapshots go first: one whose content is gone must never be seen.
    for snapshot in all where !kept.contains(snapshot.id) {
      try place.remove("snapshots/\(snapshot.id)")
      pruned.removed.append(snapshot.id)
    }
    pruned.freed = try sweep(used)
    return pruned
  }

  /// Moves what is used out of packs that are mostly waste, and removes these.
  private func sweep(_ used: Set<ChunkID>) throws(BackupError) -> Int64 {
    var (live, all) = ([UInt32: Int](), [UInt32: Int]())
    for (id, place) in index.places {
      all[place.pack, default: 0] += Int(place.stored)
      if used.contains(id) { live[place.pack, default: 0] += Int(place.stored) }
    }
    let emptied = Set(all.filter { (live[$0.key] ?? 0) * 2 < $0.value }.map(\.key))
    guard !emptied.isEmpty else { return 0 }
    var new = ChunkIndex()
    var (pack, chunks) = ([UInt8](), [(id: ChunkID, offset: Int, place: ChunkIndex.Place)]())
    func finishPack() throws(BackupError) {
      guard !pack.isEmpty else { return }
      let name = Repository.randomName()
      try place.write("packs/\(name)", pack)
      for chunk in chunks {
        new.add(
          chunk.id, pack: name, offset: chunk.offset, stored: Int(chunk.place.stored), size: Int(chunk.place.size))
      }
      pack.removeAll()
      chunks.removeAll()
    }
    var freed: Int64 = 0
    for (id, found) in index.places {
      let name = index.pack(of: found)
      guard emptied.contains(found.pack) else {
        new.add(
          id, pack: name, offset: Int(found.offset), stored: Int(found.stored), size: Int(found.size))
        continue
      }
      guard used.contains(id) else {
        freed += Int64(found.stored)
        continue
      }
      if pack.count + Int(found.stored) > Repository.packSize { try finishPack() }
      chunks.append((id, pack.count, found))
      pack += try place.read("packs/\(name)", at: Int(found.offset), count: Int(found.stored))
    }
    try finishPack()
    let old = emptied.map { index.packs[Int($0)] }
    try replaceIndexes(by: new)
    for name in old { try place.remove("packs/\(name)") }
    return freed
  }
}
