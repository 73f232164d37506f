import FTPCore
import TestKit
import WireKit

extension FuzzTarget {
  static let ftpServer = FuzzTarget(
    "ftp-server", "Whatever commands come, however cut, the same replies leave, in whole lines; it ends after its peer."
  ) { bytes in
    let input = FuzzInput(bytes)
    let policy = FTPPolicy(
      acceptsPlainLogIn: true, allowsAnonymous: input.control & 4 != 0, hostNames: ["srv.lab.test"])
    let whole = replies([input.payload[...]], policy)
    let parts = replies(input.pieces, policy)
    try require(whole == parts, "\(whole.count) octets whole, \(parts.count) in pieces")
    try require(whole.suffix(2).elementsEqual([0x0D, 0x0A]), "an unfinished line")
    try require(whole.count <= 4_096 + 2_048 * input.payload.count, "\(whole.count) octets of replies")
  }

  static let ftpClient = FuzzTarget(
    "ftp-client", "Whatever a server says, a client's session asks one step at a time, and ends with the connection."
  ) { bytes in
    let input = FuzzInput(bytes)
    let driver = SessionDriver(FTPClientSession())
    driver.open()
    for piece in input.pieces {
      driver.receive(piece)
      try require(driver.requests.count <= 1, "\(driver.requests.count) questions at once")
      if let (_, ticket) = driver.requests.first { driver.resume(.wait, for: ticket) }
    }
    while let (_, ticket) = driver.requests.first { driver.resume(.wait, for: ticket) }
    driver.closeInput()
    try require(driver.close != nil, "the session goes on")
  }

  static let ftpValues = FuzzTarget(
    "ftp-values", "What reads as a time, an address or a fact line is written so that it reads the same again."
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let time = FTPTime(text) { try require(FTPTime(time.text) == time || time.seconds % 60 == 0, "\(text)") }
    if let endpoint = FTPHostPort.parsePort(text), let again = FTPHostPort.portArgument(endpoint) {
      try require(FTPHostPort.parsePort(again) == endpoint, "\(text)")
    }
    if let endpoint = try? FTPHostPort.parseExtendedPort(text) {
      let again = FTPHostPort.extendedPortArgument(endpoint)
      try require((try? FTPHostPort.parseExtendedPort(again)) == endpoint, "\(text)")
    }
    _ = FTPHostPort.parsePassiveReply(text)
    _ = FTPHostPort.parseExtendedPassiveReply(text)
    if let line = FTPFactLine(bytes) { try require(!line.name.isEmpty, "a line without a name") }
    var decoder = ASCIIDecoder()
    var lines: [UInt8] = []
    bytes.withUnsafeBytes { decoder.decode($0, into: &lines) }
    decoder.finish(into: &lines)
    try require(lines.count <= bytes.count, "more came out than went in")
  }

  private static func replies(_ pieces: [ArraySlice<UInt8>], _ policy: FTPPolicy) -> [UInt8] {
    let driver = SessionDriver(FTPServerSession(policy: policy), answer: answer)
    driver.open()
    for piece in pieces { driver.receive(piece) }
    driver.closeInput()
    precondition(driver.close != nil || driver.wantsTLS, "the session goes on after the peer's end")
    return driver.takeOutput()
  }

  private static func answer(_ request: FTPRequest) -> FTPOutcome? {
    switch request {
    case .logIn(_, let password, _): password.count % 2 == 0 ? .loggedIn : .denied
    case .workingDirectory: .path([0x2F])
    case .changeDirectory(let path), .makeDirectory(let path): .path(path)
    case .passive: .passive(Endpoint(IPAddress(127, 0, 0, 1), 50_000))
    case .begin: .began(size: nil, name: nil)
    case .run: .transferred(bytes: 1)
    case .progress: .progress(bytes: 1)
    case .size, .available: .number(7)
    case .modified, .change: .time(FTPTime(seconds: 0))
    case .hash(_, _, let first, _): .hash([1], from: first, through: first)
    case .facts(let path, _): .lines([path ?? []])
    default: .done
    }
  }
}
