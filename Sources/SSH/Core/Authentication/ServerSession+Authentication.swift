import WireKit

/// RFC 4252 and RFC 4256, the server's side.
extension ServerSession {
  mutating func authenticationRequest(_ payload: RawSpan, into actions: inout Actions) throws {
    // RFC 4252 §5.1: after success, further requests are ignored.
    guard grant == nil else { return }
    guard authentication.wasRequested else { throw SSHError(.protocolError, "a log-in without its service") }
    let request = try AuthenticationRequest(payload)
    guard request.service == "ssh-connection" else { throw SSHError(.serviceNotAvailable, "no such service") }
    authentication.begin(request.user)
    authentication.question = nil
    let allowed = authentication.methods(configuration.policy)
    if case .none = request.method {} else { authentication.attempts += 1 }
    switch request.method {
    case .publicKey(let proof) where allowed.contains(.publicKey): try publicKey(proof, into: &actions)
    case .password(let password) where allowed.contains(.password):
      judge(.password(password), LogInAttemptState(method: .password, password: password), into: &actions)
    case .keyboardInteractive where allowed.contains(.keyboardInteractive): try askQuestion(into: &actions)
    case .none: try sendFailure(into: &actions)
    default: try failed(request.methodName, into: &actions)
    }
  }

  private mutating func publicKey(
    _ proof: AuthenticationRequest.KeyProof, into actions: inout Actions
  ) throws {
    // A key that does not decode, or an algorithm of another kind of key, is no key of anybody's.
    // For a certificate, the key is the one that it is about; whose word it is, the outside judges.
    let algorithm = KeyCertificate.plainAlgorithm(proof.algorithm) ?? proof.algorithm
    guard let key = Self.key(proof), SignatureAlgorithm.named(algorithm)?.keyType == key.type,
      proof.hostKey == nil || proof.hostKey == transport.hostKeyBlob
    else {
      try failed("publickey", into: &actions)
      return
    }
    guard let signature = proof.signature else {
      authentication.probes += 1
      guard authentication.probes <= limits.maximumKeyProbes else { throw SSHError.tooManyAttempts }
      askAndWait(.probeKey(user: authentication.user, key: proof.key), .probe(proof), into: &actions)
      return
    }
    var signed: [UInt8] = []
    signed.appendString(transport.sessionID)
    signed += proof.signedPart
    guard key.isValid(signature, for: signed, algorithm: algorithm) else {
      try failed("publickey", into: &actions)
      return
    }
    // Whose key it is, is judged from the very key that has signed; what was probed before does not count.
    judge(
      .publicKey(proof.key), LogInAttemptState(method: .publicKey, fingerprint: key.fingerprint), into: &actions)
  }

  /// The key that has to sign; `nil` for what is neither a key nor a certificate for users.
  private static func key(_ proof: AuthenticationRequest.KeyProof) -> PublicKey? {
    guard KeyCertificate.plainAlgorithm(proof.algorithm) != nil else { return try? PublicKey(blob: proof.key) }
    guard let certificate = try? KeyCertificate(blob: proof.key), certificate.kind == .user else { return nil }
    return certificate.key
  }

  private mutating func judge(
    _ kind: LogInProof.Kind, _ state: LogInAttemptState, into actions: inout Actions
  ) {
    askAndWait(.logIn(LogInProof(user: authentication.user, kind: kind)), .logIn(state), into: &actions)
  }

  // MARK: Keyboard-interactive

  private mutating func askQuestion(into actions: inout Actions) throws {
    if authentication.needsCode, let password = authentication.password {
      try ask(.code(password: password), "Verification code: ", into: &actions)
    } else {
      try ask(.password, "Password: ", into: &actions)
    }
  }

  /// SSH_MSG_USERAUTH_INFO_REQUEST with one prompt (RFC 4256 §3.2).
  private mutating func ask(
    _ question: ServerAuthentication.Question, _ prompt: String, into actions: inout Actions
  ) throws {
    authentication.question = question
    try send(&actions) {
      $0.append(MessageNumber.informationRequest)
      $0.appendString("")
      $0.appendString("")
      $0.appendString("")
      $0.appendInteger(UInt32(1))
      $0.appendString(prompt)
      $0.appendBool(false)
    }
  }

  mutating func informationResponse(_ payload: RawSpan, into actions: inout Actions) throws {
    guard grant == nil, let question = authentication.question else {
      throw SSHError(.protocolError, "an answer without a question")
    }
    authentication.question = nil
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    guard try reader.readUInt32("num-responses") == 1 else {
      try failed("keyboard-interactive", into: &actions)
      return
    }
    let answer = Credential(try reader.readStringBytes("response"))
    switch question {
    case .password:
      judge(.password(answer), LogInAttemptState(method: .keyboardInteractive, password: answer), into: &actions)
    case .code(let password):
      judge(
        .passwordAndCode(password, code: answer), LogInAttemptState(method: .keyboardInteractive), into: &actions)
    }
  }

  // MARK: Answers

  mutating func resumeWaiting(
    _ waiting: Waiting, _ reply: ServerReply, now: MonotonicTime, into actions: inout Actions
  ) throws {
    switch (waiting, reply) {
    case (.probe(let proof), .keyAccepted(true)):
      try send(&actions) {
        $0.append(MessageNumber.publicKeyAccepted)
        $0.appendString(proof.algorithm)
        $0.appendString(proof.key)
      }
    case (.probe, .keyAccepted(false)): try sendFailure(into: &actions)
    case (.logIn(let state), .verdict(let verdict)): try judged(verdict, state, now: now, into: &actions)
    case (.start(let number, let wantsReply), .started(let hasStarted)):
      try started(number, hasStarted, wantsReply, into: &actions)
    case (.listen(let wantsPort, let wantsReply), .listening(let port)):
      try listening(port, wantsPort, wantsReply, into: &actions)
    case (.stopListening(let wantsReply), .done):
      if wantsReply { try send(&actions) { $0.append(MessageNumber.requestSuccess) } }
    default: throw SSHError(.byApplication, "an answer of the wrong kind")
    }
  }

  private mutating func judged(
    _ verdict: LogInVerdict, _ state: LogInAttemptState, now: MonotonicTime, into actions: inout Actions
  ) throws {
    switch verdict {
    case .granted(let grant):
      authentication.passed.append(state.method)
      let isComplete = authentication.needsCode || configuration.policy.isComplete(authentication.passed)
      guard isComplete else {
        try sendFailure(partialSuccess: true, into: &actions)
        return
      }
      try loggedIn(grant, state, now: now, into: &actions)
    case .codeNeeded:
      authentication.needsCode = true
      authentication.password = state.password
      if state.method == .keyboardInteractive, let password = state.password {
        try ask(.code(password: password), "Verification code: ", into: &actions)
      } else {
        try sendFailure(partialSuccess: true, into: &actions)
      }
    case .denied: try failed(state.method.rawValue, into: &actions)
    case .unavailable: throw SSHError(.serviceNotAvailable, "log-in is not possible at present")
    }
  }

  private mutating func loggedIn(
    _ grant: Grant, _ state: LogInAttemptState, now: MonotonicTime, into actions: inout Actions
  ) throws {
    self.grant = grant
    actions.event(
      .loggedIn(
        user: authentication.user, account: grant.account, method: state.method.rawValue, key: state.fingerprint))
    authentication.password = nil
    actions.setTimer(Self.graceTimer, at: nil)
    if let interval = limits.keepAliveInterval { actions.setTimer(Self.keepAliveTimer, at: now + interval) }
    try send(&actions) { $0.append(MessageNumber.authenticationSuccess) }
    try transport.beginCompression()
    try announceHostKeys(into: &actions)
  }

  private mutating func failed(_ method: String, into actions: inout Actions) throws {
    authentication.failures += 1
    actions.event(.logInFailed(user: authentication.user, method: method))
    guard authentication.failures < limits.maximumAttempts else { throw SSHError.tooManyAttempts }
    try sendFailure(into: &actions)
  }

  private mutating func sendFailure(partialSuccess: Bool = false, into actions: inout Actions) throws {
    let names = authentication.methods(configuration.policy).map(\.rawValue)
    try send(&actions) {
      $0.append(MessageNumber.authenticationFailure)
      $0.appendNameList(names)
      $0.appendBool(partialSuccess)
    }
  }
}

extension SSHError {
  static var tooManyAttempts: SSHError { SSHError(.noMoreAuthMethods, "too many attempts to log in") }
}
