import WireKit

extension ClientSession {
  mutating func receive(message payload: RawSpan, now: MonotonicTime, into actions: inout Actions) throws {
    guard let number = payload.byte(at: 0) else { throw SSHError(.protocolError, "an empty message") }
    let phase = transport.phase(isLoggedIn ? .connection : .authentication)
    switch MessageRule.judge(number, in: phase, from: .server) {
    case .legal: break
    case .unknown:
      let sequence = transport.reader.sequence &- 1
      try send(&actions) {
        $0.append(MessageNumber.unimplemented)
        $0.appendInteger(sequence)
      }
      return
    case .illegal: throw SSHError(.protocolError, "a message that is not legal at this point")
    }
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    switch number {
    case 1:
      stage = .ended
      let reason = try reader.readUInt32("reason code")
      actions.event(.disconnected(reason: reason, diagnosis: "by the server"))
      actions.close()
    case 2...4:
      if phase == .firstExchange, transport.isStrict {
        throw SSHError(.protocolError, "a message within the first key exchange")
      }
    case 6: askAndWaitForCredential(["none"], false, into: &actions)
    case 7: try extensions(&reader)
    case 20...49: try exchangeMessage(payload, now: now, into: &actions)
    case 51:
      let methods = try reader.readNameList("authentications that can continue")
      askAndWaitForCredential(methods, try reader.readBool("partial success"), into: &actions)
    case 52:
      isLoggedIn = true
      try transport.beginCompression()
      actions.event(.loggedIn)
    case 53: actions.event(.banner(try reader.readText("banner")))
    case 60: try questions(&reader, into: &actions)
    case 80: try globalRequest(&reader, into: &actions)
    case 192:
      let data = payload.copied()
      try send(&actions) {
        $0.append(MessageNumber.pong)
        $0 += data.dropFirst()
      }
    case 81, 82, 193: break
    default: try channelMessage(number, &reader, into: &actions)
    }
  }

  private mutating func exchangeMessage(
    _ payload: RawSpan, now: MonotonicTime, into actions: inout Actions
  ) throws {
    var progress = TransportMachine.ExchangeProgress.goesOn
    try actions.write { output in progress = try transport.receiveExchange(payload, into: &output) }
    switch progress {
    case .goesOn: break
    case .hostKeyOffered(let key, let certificate):
      // Later exchanges are by the key that was judged in the first one, or they are judged again.
      if (certificate?.blob ?? key.blob) == transport.hostKeyBlob {
        try emit(&actions) { transport, output in try transport.acceptHostKey(into: &output) }
      } else {
        askAndWait(certificate.map { .judgeHostCertificate($0) } ?? .judgeHostKey(key), into: &actions)
      }
    case .finished:
      transport.noteExchange(at: now)
      actions.event(.keysExchanged)
    }
  }

  mutating func requestService(into actions: inout Actions) throws {
    try send(&actions) {
      $0.append(MessageNumber.serviceRequest)
      $0.appendString("ssh-userauth")
    }
  }

  private mutating func extensions(_ reader: inout WireReader) throws {
    let count = try Unverified(reader.readUInt32("nr-extensions")).verified(atMost: 64, "nr-extensions")
    for _ in 0..<count {
      let name = try reader.readText("extension name")
      let value = try reader.readStringBytes("extension value")
      if name == "server-sig-algs" {
        signatureAlgorithms = String(decoding: value, as: UTF8.self).split(separator: ",").map(String.init)
      }
    }
  }

  // MARK: Log-in

  private mutating func askAndWaitForCredential(
    _ methods: [String], _ partialSuccess: Bool, into actions: inout Actions
  ) {
    askAndWait(.credential(methods: methods, partialSuccess: partialSuccess), into: &actions)
  }

  mutating func logIn(with credential: ClientCredential, into actions: inout Actions) throws {
    let user = user
    let begin = { (bytes: inout [UInt8], method: String) in
      bytes.append(MessageNumber.authenticationRequest)
      bytes.appendString(user)
      bytes.appendString("ssh-connection")
      bytes.appendString(method)
    }
    switch credential {
    case .none: try send(&actions) { begin(&$0, "none") }
    case .publicKey(let key):
      guard
        let algorithm = key.algorithms.first(where: { signatureAlgorithms.contains($0) }) ?? key.algorithms.first
      else { throw SSHError(.noMoreAuthMethods, "a key without an algorithm") }
      var request: [UInt8] = []
      begin(&request, "publickey")
      request.appendBool(true)
      request.appendString(algorithm)
      request.appendString(key.publicKey.blob)
      var signed: [UInt8] = []
      signed.appendString(transport.sessionID)
      signed += request
      request.appendString(try key.sign(signed, algorithm: algorithm))
      try send(&actions) { $0 += request }
    case .password(let password):
      try send(&actions) {
        begin(&$0, "password")
        $0.appendBool(false)
        $0.appendString(password.bytes)
      }
    case .keyboardInteractive:
      try send(&actions) {
        begin(&$0, "keyboard-interactive")
        $0.appendString("")
        $0.appendString("")
      }
    case .giveUp:
      actions.event(.logInFailed)
      throw SSHError(.noMoreAuthMethods, "nothing is left to log in with")
    }
  }

  private mutating func questions(_ reader: inout WireReader, into actions: inout Actions) throws {
    _ = try reader.readString("name")
    _ = try reader.readString("instruction")
    _ = try reader.readString("language tag")
    let count = try Unverified(reader.readUInt32("num-prompts")).verified(atMost: 16, "num-prompts")
    var prompts: [String] = []
    for _ in 0..<count {
      prompts.append(try reader.readText("prompt"))
      _ = try reader.readBool("echo")
    }
    askAndWait(.answer(prompts: prompts), into: &actions)
  }

  mutating func send(answers: [Credential], into actions: inout Actions) throws {
    try send(&actions) {
      $0.append(MessageNumber.informationResponse)
      $0.appendInteger(UInt32(truncatingIfNeeded: answers.count))
      for answer in answers { $0.appendString(answer.bytes) }
    }
  }

  private mutating func globalRequest(_ reader: inout WireReader, into actions: inout Actions) throws {
    _ = try reader.readString("request name")
    if try reader.readBool("want reply") { try send(&actions) { $0.append(MessageNumber.requestFailure) } }
  }
}
