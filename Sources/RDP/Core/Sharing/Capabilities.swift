import WireKit

/// What of a client's capability sets (MS-RDPBCGR 2.2.7) a server has to heed.
public struct ClientCapabilities: Sendable, Hashable {
  public var takesFastPathOutput = false
  /// Bitmaps may come without the TS_CD_HEADER of eight bytes.
  public var omitsBitmapHeader = false
  public var bitsPerPixel = 16
  public var takesDesktopResize = false
  /// The primary drawing order ScrBlt.
  public var takesScreenBlit = false
  /// The largest fast-path update that the client puts together from fragments.
  public var maximumUpdate = 0

  public init() {}

  /// From the body of a Confirm Active, behind the share id.
  init(confirmActive body: RawSpan) throws(WireError) {
    var reader = WireReader(body)
    try reader.skip(2, "originator")
    let descriptor: UInt16 = try reader.readLittleEndian("source descriptor length")
    try reader.skip(2, "combined length")
    try reader.skip(Int(descriptor), "source descriptor")
    let count = try Unverified(reader.readLittleEndian("capability count", as: UInt16.self))
      .verified(atMost: 64, "capability count")
    try reader.skip(2, "padding")
    for _ in 0..<count {
      let type: UInt16 = try reader.readLittleEndian("capability type")
      let length: UInt16 = try reader.readLittleEndian("capability length")
      guard length >= 4 else { throw WireError(.outOfBounds, "capability length", at: reader.offset - 2) }
      var set = WireReader(try reader.readSpan(Int(length) - 4, "capability"))
      try read(type, &set)
    }
  }

  private mutating func read(_ type: UInt16, _ set: inout WireReader) throws(WireError) {
    switch type {
    case 1:
      try set.skip(10, "general capabilities")
      let flags: UInt16 = try set.readLittleEndian("extra flags")
      takesFastPathOutput = flags & 0x0001 != 0
      omitsBitmapHeader = flags & 0x0400 != 0
    case 2:
      bitsPerPixel = Int(try set.readLittleEndian("bits per pixel", as: UInt16.self))
      try set.skip(12, "bitmap capabilities")
      takesDesktopResize = try set.readLittleEndian("resize flag", as: UInt16.self) != 0
    case 3:
      try set.skip(30, "order capabilities")
      let flags: UInt16 = try set.readLittleEndian("order flags")
      try set.skip(2, "order support")
      takesScreenBlit = try set.readUInt8("order support") != 0 && flags & 0x0002 != 0
    case 0x1A: maximumUpdate = Int(try set.readLittleEndian("maximum request", as: UInt32.self) & 0xFF_FFFF)
    default: break
    }
  }
}

/// The server's Demand Active (MS-RDPBCGR 2.2.1.13.1).
struct DemandActive {
  var shareID: UInt32
  var width: Int
  var height: Int
  var bitsPerPixel: Int

  /// What mstsc takes; with 16,777,215 it refuses to connect.
  static let maximumRequest: UInt32 = 608_299

  func encode(into output: inout [UInt8]) {
    output.appendShareControl(type: 1) { output in
      let sets = sets
      output.appendLittleEndian(shareID)
      output.appendLittleEndian(UInt16(4))
      output.appendLittleEndian(UInt16(clamping: sets.bytes.count + 4))
      output.append(contentsOf: Array("RDP".utf8) + [0])
      output.appendLittleEndian(sets.count)
      output.appendLittleEndian(UInt16(0))
      output.append(contentsOf: sets.bytes)
      output.appendLittleEndian(UInt32(0))
    }
  }

  private var sets: (count: UInt16, bytes: [UInt8]) {
    var (count, bytes) = (UInt16(0), [UInt8]())
    func add(_ type: UInt16, _ body: [UInt8]) {
      count += 1
      bytes.appendLittleEndian(type)
      bytes.appendLittleEndian(UInt16(clamping: body.count + 4))
      bytes += body
    }
    func words(_ values: [Int]) -> [UInt8] {
      values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }
    // Share (2.2.7.2.4), general (2.2.7.1.1): fast-path output, long credentials, no bitmap header; refresh and suppress.
    add(9, words([Int(ServerChannels.server), 0]))
    add(1, words([1, 3, 0x0200, 0, 0, 0x0405, 0, 0, 0]) + [1, 1])
    add(0x14, words([0, 0]) + words([1600, 0]))
    // Bitmap (2.2.7.1.2): compression, one rectangle or several, resize, skip of the alpha plane allowed.
    add(2, words([bitsPerPixel, 1, 1, 1, width, height, 0, 1, 1]) + [0, 8] + words([1, 0]))
    // Orders (2.2.7.1.3): negotiated, zero bounds deltas, colour index; ScrBlt alone is ever sent.
    var orders = [UInt8](repeating: 0, count: 16) + words([0, 0, 1, 20, 0, 1, 0, 0x002A])
    orders += (0..<32).map { $0 == 2 ? 1 : 0 }
    add(3, orders + words([0, 0, 0, 0]) + words([0x8400, 3]) + words([0, 0, 0, 0]))
    add(0x0E, words([1, 0]))
    // Pointers (2.2.7.1.5): colour, cache of 25.
    add(8, words([1, 25, 25]))
    // Input (2.2.7.1.6): scancodes, extended mouse, fast-path (both flags), Unicode.
    add(0x0D, words([0x0035, 0]) + [UInt8](repeating: 0, count: 16 + 64))
    var request: [UInt8] = []
    request.appendLittleEndian(Self.maximumRequest)
    add(0x1A, request)
    return (count, bytes)
  }
}
