import WireKit

/// One packet of the milter protocol, version 6: a length of four octets, a letter, and what belongs to it.
///
/// There is no RFC; what counts is what Sendmail's libmilter (`mfdef.h`) and Postfix (`milter8.c`) send and understand.
public struct MilterPacket: Sendable, Hashable {
  public var letter: UInt8
  public var data: [UInt8]

  public init(_ letter: Character, _ data: [UInt8] = []) {
    self.letter = letter.asciiValue ?? 0
    self.data = data
  }

  init(letter: UInt8, data: [UInt8]) {
    self.letter = letter
    self.data = data
  }

  public func encode(into output: inout [UInt8]) {
    output.appendInteger(UInt32(truncatingIfNeeded: data.count + 1))
    output.append(letter)
    output.append(contentsOf: data)
  }

  /// Texts, each with a NUL behind it. What has a NUL in it is cut off there.
  static func texts(_ texts: some Sequence<String>) -> [UInt8] {
    texts.flatMap { $0.utf8.prefix { $0 != 0 } + [0] }
  }
}

/// Cuts the stream from a milter into packets.
public struct MilterReader: Sendable {
  public enum Outcome: Sendable, Equatable {
    case incomplete
    case packet(MilterPacket)
    /// Longer than any packet may be, or of no length at all.
    case broken
  }

  /// Bytes of one packet: replaced bodies come in pieces of 64 kB, header fields may be longer.
  public static let maximumSize: UInt32 = 1 << 20

  public init() {}

  /// The packet at the front, and how many bytes it took.
  public func next(in input: RawSpan) -> (taken: Int, outcome: Outcome) {
    guard input.byteCount >= 5 else { return (0, .incomplete) }
    var length: UInt32 = 0
    for index in 0..<4 { length = length << 8 | UInt32(input.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
    guard length >= 1, length <= Self.maximumSize else { return (input.byteCount, .broken) }
    let end = 4 + Int(length)
    guard input.byteCount >= end else { return (0, .incomplete) }
    let packet = MilterPacket(
      letter: input.unsafeLoad(fromByteOffset: 4, as: UInt8.self), data: input.extracting(5..<end).copied())
    return (end, .packet(packet))
  }
}

/// What a milter is told it may do, and what it may leave out.
enum MilterOptions {
  static let version: UInt32 = 6
  /// Add and change header fields, replace the body, add and remove recipients, quarantine, change the sender.
  static let actions: UInt32 = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x20 | 0x40 | 0x80
  /// Every step may be left out or go unanswered; bodies may be skipped.
  static let steps: UInt32 =
    noConnect | noHello | noMail | noRecipient | noBody | noHeader | noEndOfHeader | noData | skip | unansweredHeader
    | unansweredConnect | unansweredHello | unansweredMail | unansweredRecipient | unansweredData
    | unansweredEndOfHeader | unansweredBody | 0x100 | 0x20000

  static let noConnect: UInt32 = 0x01
  static let noHello: UInt32 = 0x02
  static let noMail: UInt32 = 0x04
  static let noRecipient: UInt32 = 0x08
  static let noBody: UInt32 = 0x10
  static let noHeader: UInt32 = 0x20
  static let noEndOfHeader: UInt32 = 0x40
  static let unansweredHeader: UInt32 = 0x80
  static let noData: UInt32 = 0x200
  static let skip: UInt32 = 0x400
  static let unansweredConnect: UInt32 = 0x1000
  static let unansweredHello: UInt32 = 0x2000
  static let unansweredMail: UInt32 = 0x4000
  static let unansweredRecipient: UInt32 = 0x8000
  static let unansweredData: UInt32 = 0x10000
  static let unansweredEndOfHeader: UInt32 = 0x40000
  static let unansweredBody: UInt32 = 0x80000
}
