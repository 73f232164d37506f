import WireKit

/// The terminal of a `pty-req` (RFC 4254 §6.2).
public struct PseudoTerminal: Sendable, Hashable {
  /// The TERM environment variable's value.
  public var term: String
  public var size: TerminalSize
  /// The modes of RFC 4254 §8, opcode by opcode, in the order in which they came.
  public var modes: [Mode]

  public struct Mode: Sendable, Hashable {
    public var opcode: UInt8
    public var value: UInt32
  }

  /// Bytes of a terminal's name.
  static let maximumTerm = 64

  init(_ reader: inout WireReader) throws(WireError) {
    term = try reader.readText("TERM")
    guard term.utf8.count <= Self.maximumTerm, term.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw WireError(.malformed, "TERM")
    }
    size = try TerminalSize(&reader)
    let encoded = try reader.readStringBytes("terminal modes")
    modes = []
    let span = encoded.span.bytes
    var rest = WireReader(span)
    // Opcodes 1 to 159 have one uint32; from 160 on nothing is defined, and reading stops (RFC 4254 §8).
    while !rest.isAtEnd, modes.count < 160 {
      let opcode = try rest.readUInt8("opcode")
      guard (1...159).contains(opcode) else { break }
      modes.append(Mode(opcode: opcode, value: try rest.readUInt32("mode")))
    }
  }
}

/// A terminal's size: characters, and pixels where they are known.
public struct TerminalSize: Sendable, Hashable {
  public var columns: UInt16
  public var rows: UInt16
  public var width: UInt16
  public var height: UInt16

  public init(columns: UInt16, rows: UInt16, width: UInt16 = 0, height: UInt16 = 0) {
    self.columns = columns
    self.rows = rows
    self.width = width
    self.height = height
  }

  init(_ reader: inout WireReader) throws(WireError) {
    columns = UInt16(clamping: try reader.readUInt32("columns"))
    rows = UInt16(clamping: try reader.readUInt32("rows"))
    width = UInt16(clamping: try reader.readUInt32("width"))
    height = UInt16(clamping: try reader.readUInt32("height"))
  }
}
