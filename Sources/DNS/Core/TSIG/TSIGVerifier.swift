import WireKit

/// A signed exchange as its client sees it: signs the request, and verifies the answer, however many messages it has
/// (RFC 8945 §5.3.1).
public struct TSIGVerifier: Sendable {
  private let key: TSIGKey
  private var prior: [UInt8] = []
  private var isFirst = true
  /// Messages since the last signed one, which its successor's signature covers.
  private var unsigned: [UInt8] = []
  private var unsignedCount = 0

  /// Unsigned messages that may stand between two signed ones (RFC 8945 §5.3.1).
  static let gap = 99

  /// Why an answer is not believed.
  public enum Failure: Error, Hashable, Sendable {
    case unsigned
    case malformed
    /// The server found the request's signature wrong.
    case refused(TSIGError)
    /// The answer's own signature is wrong.
    case wrong(TSIGError)
  }

  public init(_ key: TSIGKey) { self.key = key }

  /// Signs the request. Once.
  /// - Parameter now: Seconds since 1970.
  public mutating func sign(_ request: inout [UInt8], now: UInt64) {
    guard request.count >= Header.wireLength else { return }
    var record = TSIGRecord(key, time: now, originalID: UInt16(request[0]) << 8 | UInt16(request[1]))
    var covered = request
    record.appendVariables(timersOnly: false, to: &covered)
    record.mac = key.algorithm.code(over: covered, secret: key.secret)
    record.append(to: &request)
    prior = record.mac
  }

  /// Verifies the next message of the answer, and returns it without its signature.
  public mutating func verify(_ message: [UInt8], now: UInt64) throws(Failure) -> [UInt8] {
    let found: (record: TSIGRecord, offset: Int)?
    do throws(WireError) { found = try TSIGRecord.find(in: message) } catch { throw .malformed }
    guard let (record, offset) = found else {
      guard !isFirst, unsignedCount < Self.gap, unsigned.count < 8 << 20 else { throw .unsigned }
      unsigned += message
      unsignedCount += 1
      return message
    }
    if record.error != .none, record.error != .badTime { throw .refused(record.error) }
    guard record.key == key.name, TSIGAlgorithm(record.algorithm) == key.algorithm else { throw .wrong(.badKey) }
    guard record.mac.count >= max(10, key.algorithm.length / 2), record.mac.count <= key.algorithm.length else {
      throw .wrong(.badSignature)
    }
    let plain = Self.unsigned(message, record, offset)
    var covered: [UInt8] = []
    covered.appendInteger(UInt16(truncatingIfNeeded: prior.count))
    covered += prior + unsigned + plain
    record.appendVariables(timersOnly: !isFirst, to: &covered)
    guard Self.matches(record.mac, key.algorithm.code(over: covered, secret: key.secret)) else {
      throw .wrong(.badSignature)
    }
    if record.error == .badTime { throw .refused(.badTime) }
    guard Self.isTimely(record, now: now) else { throw .wrong(.badTime) }
    prior = record.mac
    unsigned = []
    unsignedCount = 0
    isFirst = false
    return plain
  }

  /// Whether the last message of an answer was signed, as it must be.
  public var isComplete: Bool { !isFirst && unsignedCount == 0 }

  /// A message as it was before it was signed.
  static func unsigned(_ message: [UInt8], _ record: TSIGRecord, _ offset: Int) -> [UInt8] {
    var plain = Array(message[..<offset])
    plain.setInteger(record.originalID, at: 0)
    plain.setInteger((UInt16(plain[10]) << 8 | UInt16(plain[11])) &- 1, at: 10)
    return plain
  }

  /// Whether a signature, which may be cut short, is that one; in a time that does not depend on where they differ.
  static func matches(_ mac: [UInt8], _ expected: [UInt8]) -> Bool {
    var difference: UInt8 = 0
    for (one, other) in zip(mac, expected) { difference |= one ^ other }
    return difference == 0 && !mac.isEmpty
  }

  static func isTimely(_ record: TSIGRecord, now: UInt64) -> Bool {
    let distance = record.time > now ? record.time - now : now - record.time
    return distance <= UInt64(record.fudge)
  }
}
