import RDPCore
import TestKit
import WireKit

extension FuzzTarget {
  static let rdpServer = FuzzTarget(
    "rdp-server", "Whatever a client sends, in whatever pieces, the session neither traps nor writes without bound."
  ) { bytes in
    let input = FuzzInput(bytes)
    // With this bit the bytes come behind NLA, with the other one behind a whole log-in.
    let protocols: SecurityProtocols = input.control & 4 != 0 ? [.hybrid] : [.ssl]
    let driver = server(protocols)
    if input.control & 8 != 0 {
      try connect(driver, protocols)
    } else {
      driver.open()
    }
    for piece in input.pieces {
      driver.receive(piece)
      if driver.wantsTLS { driver.establishTLS() }
    }
    let written = driver.takeOutput().count
    try require(written <= 64 << 20, "\(written) bytes of output")
    driver.closeInput()
    try require(driver.close != nil, "the session outlives its peer")
  }

  private static func server(_ protocols: SecurityProtocols) -> SessionDriver<ServerSession> {
    let configuration = ServerSessionConfiguration(
      protocols: protocols, hostname: "srv.lab.test", random: [UInt8](repeating: 7, count: 16), fileTime: 1)
    return SessionDriver(ServerSession(configuration)) { request -> ServerReply? in
      switch request {
      case .publicKey: .publicKey([1, 2, 3])
      case .logIn: .verdict(.granted(account: "ann"))
      case .judge: .claim((account: "ann", sessionBaseKey: [UInt8](repeating: 1, count: 16)))
      case .start: .started(true)
      case .input, .resize, .events, .refresh, .resizeDesktop: .done
      case .output, .frame: nil
      }
    }
  }

  /// Brings the session up to its first picture by our own client.
  private static func connect(_ server: SessionDriver<ServerSession>, _ protocols: SecurityProtocols) throws {
    let client = SessionDriver(ClientSession(protocols: protocols))
    server.open()
    client.open()
    for _ in 0..<40 {
      server.receive(client.takeOutput())
      client.receive(server.takeOutput())
      if client.wantsTLS, server.wantsTLS {
        client.establishTLS()
        server.establishTLS()
      }
    }
  }

  static let rdpClient = FuzzTarget(
    "rdp-client", "Whatever a server sends, the client of the probe names a rung or goes on."
  ) { bytes in
    let input = FuzzInput(bytes)
    let driver = SessionDriver(ClientSession(protocols: input.control & 4 != 0 ? [.ssl, .hybrid] : .ssl))
    driver.open()
    for piece in input.pieces {
      driver.receive(piece)
      if driver.wantsTLS { driver.establishTLS() }
    }
    driver.closeInput()
    try require(driver.close != nil, "the session outlives its peer")
  }

  static let rdpTerminal = FuzzTarget(
    "rdp-terminal", "Whatever a program writes, the terminal stays within its size, and its answers within a bound."
  ) { bytes in
    let input = FuzzInput(bytes)
    var terminal = Terminal(columns: 12, rows: 5, scrollback: 4)
    for piece in input.pieces { terminal.feed(Array(piece)) }
    try require(terminal.takeReplies().count <= 8192, "answers without bound")
    terminal.resize(columns: 7, rows: 3)
    for row in 0..<terminal.rows { _ = terminal.text(row: row) }
    terminal.feed(Array("\u{1B}cend".utf8))
    try require(terminal.text(row: 0) == "end", "a reset does not reset")
  }

  static let rdpBitmap = FuzzTarget(
    "rdp-bitmap", "Every tile is encoded, by every codec, in less than twice its size."
  ) { bytes in
    guard bytes.count >= 2 else { return }
    let width = 4 * (1 + Int(bytes[0]) % 16)
    let height = 1 + (bytes.count - 1) / width
    let pixels = (0..<width * height).map { index in
      UInt32(bytes[1 + index % (bytes.count - 1)]) &* 0x0001_0305 & 0xFFFF
    }
    let tile = PixelTile(x: 0, y: 0, width: width, height: height, pixels: pixels)
    let bound = width * height * 8 + height * 8 + 16
    try require(Planar.encode(tile).count <= bound, "planar")
    for format in [PixelFormat.rgb555, .rgb565, .rgb24] {
      try require(InterleavedRLE.encode(tile, format).count <= bound, "interleaved")
    }
  }
}
