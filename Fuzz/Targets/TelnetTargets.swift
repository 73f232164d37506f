import ConsoleCore
import TelnetCore
import TestKit
import WireKit

extension FuzzTarget {
  /// The lowest bits of the control byte choose the pieces, the next ones how the connection is secured.
  static let telnetServer = FuzzTarget(
    "telnet-server", "Whatever a client sends, and however it is cut, a session answers the same, within bounds."
  ) { bytes in
    let input = FuzzInput(bytes)
    let security = TelnetServerSession<Console>.Security(
      offersTLS: input.control & 8 != 0, allowsPlainText: input.control & 16 == 0, isSecure: false)
    let (whole, wasCut) = serve(security, [input.payload[...]])
    let (parts, beganTLS) = serve(security, input.pieces)
    // What stands behind FOLLOWS ends the connection, with nothing of that round answered, unless it comes when the
    // handshake has begun: there the cut decides.
    if beganTLS || wasCut { return }
    try require(whole == parts, "whole \(whole.count) bytes, in pieces \(parts.count)")
    try require(whole.count <= 4096 + 600 * input.payload.count, "\(whole.count) bytes for \(input.payload.count)")
  }

  private static func serve(
    _ security: TelnetServerSession<Console>.Security, _ pieces: [ArraySlice<UInt8>]
  ) -> (output: [UInt8], beganTLS: Bool) {
    let tree = CommandTree([Command("show zones", permission: nil, "zones", columns: ["zone"])])
    let driver = SessionDriver<TelnetServerSession<Console>>(TelnetServerSession(security: security, isWatched: true)) {
      request in
      switch request {
      case .logIn(let attempt):
        attempt.name.isEmpty || attempt.name.hasPrefix("x")
          ? .denied : .granted(Console(tree, settings: .init(prompt: "> ")), account: attempt.name)
      // Left open: whether what is typed next finds a command running depends on when its answer comes.
      case .program: nil
      }
    }
    driver.open()
    for piece in pieces where driver.close == nil && !driver.wantsTLS { driver.receive(piece) }
    if case .immediately = driver.close { return (driver.takeOutput(), true) }
    return (driver.takeOutput(), driver.wantsTLS)
  }

  static let telnetSerial = FuzzTarget(
    "telnet-serial",
    "Whatever a client of a serial line sends, and however it is cut, the port gets and the client hears the same."
  ) { bytes in
    let input = FuzzInput(bytes)
    func serve(_ pieces: [ArraySlice<UInt8>]) -> (port: [UInt8], output: [UInt8]) {
      var port: [UInt8] = []
      var settings = SerialSettings()
      let driver = SessionDriver(SerialLineSession(name: "line", isAllowed: true, isWatched: true)) { request in
        switch request {
        case .open: return .opened(settings, modem: 0xB0)
        case .write(let bytes):
          port += bytes
          return .done
        case .apply(let wanted):
          if wanted.speed < 1_000_000 { settings = wanted }
          return .settings(settings)
        case .signal, .purge: return .done
        case .read, .modem: return nil
        }
      }
      driver.open()
      for piece in pieces where driver.close == nil { driver.receive(piece) }
      return (port, driver.takeOutput())
    }
    let (whole, parts) = (serve([input.payload[...]]), serve(input.pieces))
    try require(whole.port == parts.port, "the port got \(whole.port.count) and \(parts.port.count) bytes")
    try require(whole.output == parts.output, "the client heard \(whole.output.count) and \(parts.output.count) bytes")
  }

  static let telnetClient = FuzzTarget(
    "telnet-client", "Whatever a server sends, and however it is cut, a client says and shows the same."
  ) { bytes in
    let input = FuzzInput(bytes)
    func read(_ pieces: [ArraySlice<UInt8>]) -> (text: [UInt8], said: [UInt8], agreed: [String]) {
      var client = TelnetClientMachine(wantsTLS: input.control & 8 != 0)
      var said: [UInt8] = []
      var text: [UInt8] = []
      for piece in pieces { text += client.receive(piece, into: &said) }
      return (text, said, client.agreed)
    }
    let (whole, parts) = (read([input.payload[...]]), read(input.pieces))
    try require(whole.said == parts.said && whole.agreed == parts.agreed, "\(whole.agreed), \(parts.agreed)")
    // A return at the end of a piece is shown before its line feed can be seen.
    try require(whole.text.filter { $0 != 0x0D } == parts.text.filter { $0 != 0x0D }, "another text")
  }
}
