import WireKit

/// A signed exchange as its server sees it: signs the answer, however many messages it has (RFC 8945 §5.3).
public struct TSIGTransaction: Sendable {
  public let key: TSIGKey
  /// The signature that the next one covers: the request's, then that of the message before.
  private var prior: [UInt8]
  private var isFirst = true
  /// Seconds since 1970 at the request.
  private let time: UInt64
  private let error: TSIGError
  private let other: [UInt8]

  init(_ key: TSIGKey, request: TSIGRecord, now: UInt64, error: TSIGError = .none) {
    self.key = key
    prior = request.mac
    self.error = error
    // Who has the wrong time must be able to verify this, and to learn the right one (RFC 8945 §5.2.3).
    time = error == .badTime ? request.time : now
    var other: [UInt8] = []
    if error == .badTime {
      other.appendInteger(UInt16(truncatingIfNeeded: now >> 32))
      other.appendInteger(UInt32(truncatingIfNeeded: now))
    }
    self.other = other
  }

  /// Octets that signing adds to a message.
  public var length: Int { TSIGRecord.length(key) + other.count }

  /// Signs one message of the answer.
  public mutating func sign(_ message: inout [UInt8]) {
    guard message.count >= Header.wireLength else { return }
    let id = UInt16(message[0]) << 8 | UInt16(message[1])
    var record = TSIGRecord(key, time: time, originalID: id, error: error, other: other)
    var covered: [UInt8] = []
    covered.reserveCapacity(message.count + 256)
    covered.appendInteger(UInt16(truncatingIfNeeded: prior.count))
    covered.append(contentsOf: prior)
    covered.append(contentsOf: message)
    record.appendVariables(timersOnly: !isFirst, to: &covered)
    record.mac = key.algorithm.code(over: covered, secret: key.secret)
    record.append(to: &message)
    prior = record.mac
    isFirst = false
  }
}

/// What came of looking at a request's signature.
public enum TSIGCheck: Sendable {
  /// There is none.
  case unsigned
  /// It is right; the request without it, and what signs the answer.
  case valid([UInt8], TSIGTransaction)
  /// It is wrong; the reply that says so.
  case failed(TSIGError, reply: [UInt8])
  /// No message, or a signature at the wrong place: FORMERR.
  case malformed

  /// Looks at a request (RFC 8945 §5.2).
  /// - Parameter now: Seconds since 1970.
  public static func check(_ request: [UInt8], _ keys: TSIGKeyring, now: UInt64) -> TSIGCheck {
    let found: (record: TSIGRecord, offset: Int)?
    do throws(WireError) { found = try TSIGRecord.find(in: request) } catch { return .malformed }
    guard let (record, offset) = found else { return .unsigned }
    guard let key = keys[record.key], TSIGAlgorithm(record.algorithm) == key.algorithm else {
      return .failed(.badKey, reply: refusal(of: request, record, .badKey))
    }
    // Shorter ones than half a hash, or ten octets, are no signatures at all (RFC 8945 §5.2.2.1).
    guard record.mac.count <= key.algorithm.length, record.mac.count >= max(10, key.algorithm.length / 2) else {
      return .malformed
    }
    let plain = TSIGVerifier.unsigned(request, record, offset)
    var covered = plain
    record.appendVariables(timersOnly: false, to: &covered)
    guard TSIGVerifier.matches(record.mac, key.algorithm.code(over: covered, secret: key.secret)) else {
      return .failed(.badSignature, reply: refusal(of: request, record, .badSignature))
    }
    guard TSIGVerifier.isTimely(record, now: now) else {
      var reply = notAuthoritative(request)
      var transaction = TSIGTransaction(key, request: record, now: now, error: .badTime)
      transaction.sign(&reply)
      return .failed(.badTime, reply: reply)
    }
    return .valid(plain, TSIGTransaction(key, request: record, now: now))
  }

  /// NOTAUTH with the header and question of the request.
  private static func notAuthoritative(_ request: [UInt8]) -> [UInt8] {
    var reply = Array(request.prefix(Header.wireLength))
    reply[2] = reply[2] & 0x79 | 0x80
    reply[3] = UInt8(truncatingIfNeeded: ResponseCode.notAuth.rawValue)
    for place in 4..<Header.wireLength { reply[place] = 0 }
    var reader = WireReader(request.span.bytes)
    guard request[4] == 0, request[5] == 1, (try? reader.seek(to: Header.wireLength, "question")) != nil,
      (try? Name(from: &reader)) != nil, (try? reader.skip(4, "question")) != nil
    else { return reply }
    reply.append(contentsOf: request[Header.wireLength..<reader.offset])
    reply[5] = 1
    return reply
  }

  /// The answer to a key or signature that is wrong: with a TSIG record that says so, unsigned (RFC 8945 §5.3.2).
  private static func refusal(of request: [UInt8], _ record: TSIGRecord, _ error: TSIGError) -> [UInt8] {
    var reply = notAuthoritative(request)
    TSIGRecord(record.key, record.algorithm, time: record.time, originalID: record.originalID, error: error)
      .append(to: &reply)
    return reply
  }
}
