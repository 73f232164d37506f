/// The kinds of TFTP packets (RFC 1350 §5, RFC 2347).
public enum Opcode: UInt16, Sendable, Hashable, CaseIterable {
  /// RRQ: the client asks to read.
  case readRequest = 1
  /// WRQ: the client asks to write.
  case writeRequest = 2
  case data = 3
  case acknowledgement = 4
  case error = 5
  /// OACK (RFC 2347).
  case optionAcknowledgement = 6
}
