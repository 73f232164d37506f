import Crypto
import Services
import WireKit

/// How records are chained: each hash covers the one before, so that no record can be changed, taken out or moved
/// without all later hashes telling.
enum AuditChain {
  /// The record that follows `head`.
  static func record(_ entry: AuditEntry, after head: AuditHead) -> AuditRecord {
    let sequence = head.sequence &+ 1
    return AuditRecord(
      sequence: sequence, entry: entry, previousHash: head.hash, hash: hash(entry, sequence: sequence, after: head.hash)
    )
  }

  /// SHA-256 over the previous hash and the canonical record.
  static func hash(_ entry: AuditEntry, sequence: Int64, after previous: [UInt8]) -> [UInt8] {
    [UInt8](SHA256.hash(data: previous + canonical(entry, sequence: sequence)))
  }

  /// The canonical record: a version, then each field in its fixed order; texts with their length in front, and a byte
  /// before each that says whether it is there. Two different records never have the same bytes.
  private static func canonical(_ entry: AuditEntry, sequence: Int64) -> [UInt8] {
    var bytes: [UInt8] = [1]
    bytes.appendInteger(sequence)
    bytes.appendInteger(entry.time.seconds)
    bytes.appendInteger(entry.time.nanoseconds)
    let texts: [String?] = [
      entry.actor, entry.action, entry.subject, entry.before, entry.after, entry.session?.description,
      entry.service?.rawValue, entry.peer?.description,
    ]
    for text in texts {
      guard let text else {
        bytes.append(0)
        continue
      }
      bytes.append(1)
      bytes.appendInteger(UInt32(clamping: text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    return bytes
  }
}
