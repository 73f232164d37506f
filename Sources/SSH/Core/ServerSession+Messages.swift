import WireKit

/// One message, to whom it concerns.
extension ServerSession {
  /// A session as it is behind a key exchange that never was, so that a fuzzer reaches what lies there: packets are in plain
  /// text.
  package init(pretendingKeysFor grant: Grant?, _ configuration: ServerSessionConfiguration) {
    self.init(configuration)
    stage = .running
    transport.sessionID = [0]
    transport.exchange = nil
    authentication.wasRequested = true
    self.grant = grant
  }

  package mutating func receive(message payload: RawSpan, now: MonotonicTime, into actions: inout Actions) throws {
    guard let number = payload.byte(at: 0) else { throw SSHError(.protocolError, "an empty message") }
    let phase = transport.phase(grant == nil ? .authentication : .connection)
    switch MessageRule.judge(number, in: phase, from: .client) {
    case .legal: break
    case .unknown:
      try sendUnimplemented(into: &actions)
      return
    case .illegal: throw SSHError(.protocolError, "a message that is not legal at this point")
    }
    switch number {
    case 1: peerDisconnected(into: &actions)
    case 2...4:
      // Under strict key exchange nothing but its own messages may come (Terrapin, CVE-2023-48795).
      if phase == .firstExchange, transport.isStrict {
        throw SSHError(.protocolError, "a message within the first key exchange")
      }
    case 5: try serviceRequest(payload, into: &actions)
    case 7: break
    case 20...49: try exchangeMessage(payload, now: now, into: &actions)
    case 50: try authenticationRequest(payload, into: &actions)
    case 61: try informationResponse(payload, into: &actions)
    case 80: try globalRequest(payload, into: &actions)
    case 81, 82: break
    case 192:
      let data = payload.copied()
      try send(&actions) {
        $0.append(MessageNumber.pong)
        $0 += data.dropFirst()
      }
    case 193: break
    default: try channelMessage(number, payload, into: &actions)
    }
  }

  private mutating func sendUnimplemented(into actions: inout Actions) throws {
    let sequence = transport.reader.sequence &- 1
    try send(&actions) {
      $0.append(MessageNumber.unimplemented)
      $0.appendInteger(sequence)
    }
  }

  private mutating func peerDisconnected(into actions: inout Actions) {
    if grant == nil, authentication.attempts == 0 { actions.event(.leftWithoutAttempt) }
    stage = .ended
    actions.event(.disconnected(reason: 0, diagnosis: "by the peer"))
    actions.close()
  }

  private mutating func exchangeMessage(
    _ payload: RawSpan, now: MonotonicTime, into actions: inout Actions
  ) throws {
    var progress = TransportMachine.ExchangeProgress.goesOn
    try actions.write { output in
      let start = output.count
      defer { unsent += output.count - start }
      progress = try transport.receiveExchange(payload, into: &output)
    }
    guard case .finished = progress else { return }
    transport.noteExchange(at: now)
    actions.setTimer(Self.rekeyTimer, at: now + limits.rekeyInterval)
    guard let summary = transport.summary else { return }
    actions.event(
      .keysExchanged(
        keyExchange: summary.keyExchange.name, hostKey: summary.hostKey, cipherIn: summary.cipherToServer.name,
        cipherOut: summary.cipherToClient.name,
        peerSoftware: String(decoding: transport.peerIdentification, as: UTF8.self)))
  }

  private mutating func serviceRequest(_ payload: RawSpan, into actions: inout Actions) throws {
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    let name = try reader.readText("service name")
    guard name == "ssh-userauth" || name == "ssh-connection" && grant != nil else {
      throw SSHError(.serviceNotAvailable, "no such service")
    }
    authentication.wasRequested = true
    try send(&actions) {
      $0.append(MessageNumber.serviceAccept)
      $0.appendString(name)
    }
    if !configuration.policy.banner.isEmpty, !authentication.hasShownBanner {
      authentication.hasShownBanner = true
      let banner = configuration.policy.banner
      try send(&actions) {
        $0.append(MessageNumber.banner)
        $0.appendString(banner)
        $0.appendString("")
      }
    }
  }

  private mutating func globalRequest(_ payload: RawSpan, into actions: inout Actions) throws {
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    let name = try reader.readText("request name")
    let wantsReply = try reader.readBool("want reply")
    switch name {
    case "tcpip-forward" where grant?.allowsListening == true:
      let host = try reader.readText("address to bind")
      let port = try Unverified(reader.readUInt32("port")).verified(atMost: 65_535, "port")
      guard grant?.allowsListening(on: host, UInt16(port)) == true else {
        if wantsReply { try send(&actions) { $0.append(MessageNumber.requestFailure) } }
        return
      }
      askAndWait(
        .listen(host: host, port: UInt16(port)), .listen(wantsPort: port == 0, wantsReply: wantsReply), into: &actions)
    case "cancel-tcpip-forward" where grant?.allowsListening == true:
      let host = try reader.readText("address to bind")
      let port = try Unverified(reader.readUInt32("port")).verified(atMost: 65_535, "port")
      askAndWait(
        .stopListening(host: host, port: UInt16(port)), .stopListening(wantsReply: wantsReply), into: &actions)
    case "hostkeys-prove-00@openssh.com": try proveHostKeys(&reader, wantsReply, into: &actions)
    default: if wantsReply { try send(&actions) { $0.append(MessageNumber.requestFailure) } }
    }
  }

  /// After the log-in: all our host keys, so that clients learn of new ones (OpenSSH's PROTOCOL §2.5).
  mutating func announceHostKeys(into actions: inout Actions) throws {
    let blobs = configuration.hostKeys.map(\.publicKey.blob)
    try send(&actions) {
      $0.append(MessageNumber.globalRequest)
      $0.appendString("hostkeys-00@openssh.com")
      $0.appendBool(false)
      for blob in blobs { $0.appendString(blob) }
    }
  }

  private mutating func proveHostKeys(
    _ reader: inout WireReader, _ wantsReply: Bool, into actions: inout Actions
  ) throws {
    guard wantsReply else { return }
    var signatures: [[UInt8]] = []
    while !reader.isAtEnd {
      let blob = try reader.readStringBytes("host key")
      guard signatures.count < configuration.hostKeys.count,
        let key = configuration.hostKeys.first(where: { $0.publicKey.blob == blob }),
        // RSA keys sign by what the exchange used, or by SHA-512.
        let algorithm = key.algorithms.first(where: { $0 == transport.summary?.hostKey }) ?? key.algorithms.first
      else {
        try send(&actions) { $0.append(MessageNumber.requestFailure) }
        return
      }
      var signed: [UInt8] = []
      signed.appendString("hostkeys-prove-00@openssh.com")
      signed.appendString(transport.sessionID)
      signed.appendString(blob)
      signatures.append(try key.sign(signed, algorithm: algorithm))
    }
    try send(&actions) {
      $0.append(MessageNumber.requestSuccess)
      for signature in signatures { $0.appendString(signature) }
    }
  }
}
