import Backup

extension FuzzTarget {
  static let backupIndex = FuzzTarget("backup-index", "An index that is read is written with the same chunks.") {
    bytes in
    guard let index = try? ChunkIndex(decoding: bytes) else { return }
    let again = try ChunkIndex(decoding: index.encoded)
    try require(Set(again.places.keys) == Set(index.places.keys), "\(index.places.count) chunks")
  }
}
