/// How a serial line is set.
public struct SerialSettings: Sendable, Hashable {
  /// As RFC 2217 numbers them.
  public enum Parity: UInt8, Sendable, Hashable {
    case none = 1
    case odd, even, mark, space
  }

  /// As RFC 2217 numbers them.
  public enum StopBits: UInt8, Sendable, Hashable {
    case one = 1
    case two, oneAndHalf
  }

  /// As RFC 2217 numbers them in SET-CONTROL.
  public enum FlowControl: UInt8, Sendable, Hashable {
    case none = 1
    case software, hardware
  }

  /// Bits a second.
  public var speed: UInt32
  /// 5 to 8.
  public var dataBits: UInt8
  public var parity: Parity
  public var stopBits: StopBits
  public var flow: FlowControl

  public init(
    speed: UInt32 = 9600, dataBits: UInt8 = 8, parity: Parity = .none, stopBits: StopBits = .one,
    flow: FlowControl = .none
  ) {
    self.speed = speed
    self.dataBits = dataBits
    self.parity = parity
    self.stopBits = stopBits
    self.flow = flow
  }

  /// From the usual short form: `8N1`, `7E2`.
  public init?(speed: UInt32, format: String, flow: FlowControl = .none) {
    let characters = Array(format.uppercased())
    guard characters.count == 3, let bits = UInt8(String(characters[0])), (5...8).contains(bits) else { return nil }
    let parities: [Character: Parity] = ["N": .none, "O": .odd, "E": .even, "M": .mark, "S": .space]
    guard let parity = parities[characters[1]] else { return nil }
    let stops: [Character: StopBits] = ["1": .one, "2": .two]
    guard let stopBits = stops[characters[2]] else { return nil }
    self.init(speed: speed, dataBits: bits, parity: parity, stopBits: stopBits, flow: flow)
  }
}

/// A line of the port that we drive.
public enum SerialSignal: Sendable, Hashable {
  case dataTerminalReady, requestToSend, breakCondition
}
