import SSHCore
import TestKit
import WireKit

extension FuzzTarget {
  static let sshServer = FuzzTarget(
    "ssh-server", "Whatever comes before keys are in use, nothing is asked of the outside and little is said."
  ) { bytes in
    let input = FuzzInput(bytes)
    let driver = SessionDriver(ServerSession(try sshConfiguration()))
    driver.open()
    var said = driver.takeOutput().count
    for piece in input.pieces {
      driver.receive(piece)
      said += driver.takeOutput().count
    }
    try require(driver.requests.isEmpty, "asked for something before there were keys")
    try require(said < 20_000, "\(said) bytes of output")
  }

  /// The payload is messages, each behind two octets of its length. The control's bit 4 tells whether somebody has logged in.
  static let sshMessages = FuzzTarget(
    "ssh-messages", "Whatever messages come behind the keys, output, channels and questions stay bounded."
  ) { bytes in
    let input = FuzzInput(bytes)
    let isLoggedIn = input.control & 16 != 0
    let grant = Grant(account: "ann", allowsConnecting: true, allowsListening: true)
    var session = ServerSession(pretendingKeysFor: isLoggedIn ? grant : nil, try sshConfiguration())
    var rest = input.payload[...]
    var open: [(ServerRequest, Ticket)] = []
    var said = 0
    while rest.count >= 2 {
      let length = min(Int(rest.removeFirst()) << 8 | Int(rest.removeFirst()), rest.count)
      let message = Array(rest.prefix(length))
      rest = rest.dropFirst(length)
      var actions = ServerSession.Actions()
      do {
        try session.receive(message: message.span.bytes, now: MonotonicTime(nanoseconds: 1), into: &actions)
      } catch { return }
      note(actions, &open, &said)
      // Answered late or at once, by the control.
      while input.control & 32 != 0 || rest.count < 2, let (request, ticket) = open.popLast() {
        guard let reply = reply(request, isGranted: input.control & 64 != 0) else { continue }
        var more = ServerSession.Actions()
        session.resume(reply, for: ticket, now: MonotonicTime(nanoseconds: 1), into: &more)
        note(more, &open, &said)
        guard said < 1 << 20 else { break }
      }
      try require(open.count < 1_000, "\(open.count) open questions")
    }
    try require(said <= 4_096 + 400 * bytes.count, "\(said) bytes of output")
  }

  private static func note(
    _ actions: ServerSession.Actions, _ open: inout [(ServerRequest, Ticket)], _ said: inout Int
  ) {
    said += actions.output.count
    for action in actions.actions {
      if case .request(let request, let ticket) = action { open.append((request, ticket)) }
    }
  }

  private static func reply(_ request: ServerRequest, isGranted: Bool) -> ServerReply? {
    switch request {
    case .probeKey: .keyAccepted(isGranted)
    case .logIn: .verdict(isGranted ? .granted(Grant(account: "ann", allowsConnecting: true)) : .codeNeeded)
    case .start: .started(isGranted)
    case .connect: .connected(isGranted ? nil : .connectFailed)
    case .listen: .listening(isGranted ? 22 : nil)
    case .accept: nil
    case .output: isGranted ? .output(.ended(.code(0))) : nil
    case .input, .inputEnd, .stopListening, .resize, .signal, .closed: .done
    }
  }

  private static func sshConfiguration() throws -> ServerSessionConfiguration {
    ServerSessionConfiguration(hostKeys: [try PrivateKey(.ed25519)])
  }

  static let sshPublicKey = FuzzTarget(
    "ssh-public-key", "A key that decodes keeps its bytes and its line; no signature of noise is one of its own."
  ) { bytes in
    guard let key = try? PublicKey(blob: bytes) else { return }
    try require(key.blob == bytes && PublicKey(line: key.line) == key, "\(key.line)")
    try require(!key.isValid(bytes, for: bytes, algorithm: key.type), "a signature out of nothing")
  }

  static let sshPrivateKey = FuzzTarget(
    "ssh-private-key", "A key file that opens can be written, and opens to the same key again."
  ) { bytes in
    guard let key = try? PrivateKey(openSSHFile: bytes) else { return }
    try require(try PrivateKey(openSSHFile: key.openSSHFile()).publicKey == key.publicKey, key.publicKey.line)
  }

  static let sshKeyOptions = FuzzTarget(
    "ssh-key-options", "Options of a key never give more than there was without them."
  ) { bytes in
    guard let restrictions = KeyRestrictions(String(decoding: bytes, as: UTF8.self)) else { return }
    var grant = Grant(account: "ann", allowsTerminals: false, allowsConnecting: false, allowsListening: false)
    grant.restrict(by: restrictions)
    try require(!grant.allowsTerminals && !grant.allowsConnecting && !grant.allowsListening, "\(grant)")
  }
}
