/// What a client asks by the COM-PORT option (RFC 2217 §3), and what is answered to it.
///
/// ```
/// C: IAC SB COM-PORT SET-BAUDRATE 00 00 25 80 IAC SE
/// S: IAC SB COM-PORT 101          00 00 25 80 IAC SE
/// ```
enum ComPortCommand: Hashable, Sendable {
  case signature([UInt8])
  /// 0 asks for the value that is set; so it does in the four that follow.
  case setSpeed(UInt32)
  case setDataBits(UInt8)
  case setParity(UInt8)
  case setStopBits(UInt8)
  case setControl(UInt8)
  case suspend
  case resume
  case setLineStateMask(UInt8)
  case setModemStateMask(UInt8)
  case purge(UInt8)

  /// `nil` for what is none, or of a wrong length.
  init?(_ content: [UInt8]) {
    guard let code = content.first else { return nil }
    let value = content.dropFirst()
    switch (code, value.count) {
    case (0, _): self = .signature(Array(value))
    case (1, 4): self = .setSpeed(value.reduce(0) { $0 << 8 | UInt32($1) })
    case (8, 0): self = .suspend
    case (9, 0): self = .resume
    case (_, 1):
      guard let byte = value.first else { return nil }
      switch code {
      case 2: self = .setDataBits(byte)
      case 3: self = .setParity(byte)
      case 4: self = .setStopBits(byte)
      case 5: self = .setControl(byte)
      case 10: self = .setLineStateMask(byte)
      case 11: self = .setModemStateMask(byte)
      case 12: self = .purge(byte)
      default: return nil
      }
    default: return nil
    }
  }

  /// What the server's answers are numbered by: the client's command and 100.
  enum Answer {
    static let signature: UInt8 = 100
    static let speed: UInt8 = 101
    static let dataBits: UInt8 = 102
    static let parity: UInt8 = 103
    static let stopBits: UInt8 = 104
    static let control: UInt8 = 105
    static let lineState: UInt8 = 106
    static let modemState: UInt8 = 107
    static let lineStateMask: UInt8 = 110
    static let modemStateMask: UInt8 = 111
    static let purge: UInt8 = 112
  }
}
