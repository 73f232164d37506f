import DNSCore
import WireKit

/// What came by updates, on disk: one file for each zone, which holds before an update is answered.
struct UpdateStore: Sendable {
  let folder: String

  func path(_ apex: Name) -> String { "\(folder)/\(StoredFiles.name(apex.lowercased.description)).updates" }

  /// The records that came by updates; empty where none ever did. Throws when the file is damaged.
  func load(_ apex: Name) throws(WireError) -> [ResourceRecord] {
    guard let bytes = StoredFiles.read(path(apex)) else { return [] }
    guard let head = JournalEntry.head(Array(bytes.prefix(JournalEntry.headLength))),
      bytes.count == JournalEntry.headLength + head.length
    else { throw WireError(.truncated, "file of updates") }
    return try JournalEntry.decode(Array(bytes.dropFirst(JournalEntry.headLength)), checksum: head.checksum)
      .difference.added
  }

  func save(_ records: [ResourceRecord], of served: Zone) throws(StorageError) {
    guard let soa = served.soaRecord else { return }
    let bytes = JournalEntry.encode(ZoneDifference(from: soa, to: soa, added: records), digest: 0)
    try StoredFiles.replace(path(served.apex)) {
      (append: ([UInt8]) throws(StorageError) -> Void) throws(StorageError) in
      try append(bytes)
    }
  }
}
