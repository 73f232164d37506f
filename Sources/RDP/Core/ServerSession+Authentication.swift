import WireKit

/// Who it is: by NLA before anything else, or on the log-in screen.
extension ServerSession {
  mutating func beginCredSSP(_ publicKey: [UInt8]) {
    let name = configuration.hostname.split(separator: ".").first.map(String.init) ?? "PORTSIDE"
    credSSP = CredSSPServer(
      publicKey: publicKey,
      challenge: NTLMChallenge(
        flags: [], serverChallenge: Array(configuration.random[..<8]), computer: String(name.uppercased().prefix(15)),
        hostname: configuration.hostname, timestamp: configuration.fileTime))
  }

  mutating func receive(credSSP message: RawSpan, now: MonotonicTime, into actions: inout Actions) {
    tell("CredSSP TSRequest", "\(message.byteCount) bytes", into: &actions)
    guard let outcome = credSSP?.receive(message) else {
      return end("CredSSP without a key to bind to", into: &actions)
    }
    carryOut(outcome, now: now, into: &actions)
  }

  private mutating func carryOut(_ outcome: CredSSPServer.Outcome, now: MonotonicTime, into actions: inout Actions) {
    switch outcome {
    case .send(let request): send(request, into: &actions)
    case .judge(let claim):
      hasAttempted = true
      isWaiting = true
      ask(.judge(claim), .claim, into: &actions)
    case .done:
      if selected == .hybridEx {
        // Early User Authorization Result (MS-RDPBCGR 2.2.10.2): success.
        actions.write([0, 0, 0, 0])
      }
      credSSP = nil
      stage = .connection
    case .fail(let request, let diagnosis):
      if let request { send(request, into: &actions) }
      if !hasAttempted { actions.event(.leftWithoutAttempt) }
      end("NLA: \(diagnosis)", into: &actions)
    }
  }

  private mutating func send(_ request: TSRequest, into actions: inout Actions) {
    actions.write { request.encode(into: &$0) }
    tell("CredSSP TSRequest", received: false, into: &actions)
  }

  /// The verdict on an NLA claim.
  mutating func judged(
    _ claim: (account: String, sessionBaseKey: [UInt8])?, now: MonotonicTime, into actions: inout Actions
  ) {
    isWaiting = false
    if let claim {
      account = claim.account
      actions.event(.loggedIn(account: claim.account, method: "NLA"))
    } else {
      actions.event(.logInFailed(method: "NLA"))
    }
    guard let outcome = credSSP?.judged(claim?.sessionBaseKey) else { return }
    carryOut(outcome, now: now, into: &actions)
  }

  // MARK: The log-in screen

  mutating func askForLogIn(
    name: String, password: HiddenText, code: HiddenText?, into actions: inout Actions
  ) {
    hasAttempted = true
    attempts += 1
    ask(.logIn(name: name, password: password, code: code), .logIn, into: &actions)
  }

  mutating func judged(_ verdict: LogInVerdict, now: MonotonicTime, into actions: inout Actions) {
    switch verdict {
    case .granted(let name):
      account = name
      logInScreen = nil
      actions.event(.loggedIn(account: name, method: "screen"))
      actions.setTimer(Self.logInTimer, at: nil)
      terminal.feed(Array("\u{1B}c".utf8))
      startIfReady(into: &actions)
    case .codeNeeded:
      logInScreen?.askForCode()
      drawLogIn()
    case .denied, .unavailable:
      actions.event(.logInFailed(method: "screen"))
      guard attempts < limits.maximumAttempts else {
        return disconnect(.deniedConnection, "too many attempts to log in", into: &actions)
      }
      logInScreen?.refuse(
        verdict == .denied ? "That is not right. Try again." : "Log-in is not possible now. Try again later.")
      drawLogIn()
    }
  }

  mutating func drawLogIn() {
    guard let logInScreen else { return }
    terminal.feed(logInScreen.drawing(columns: terminal.columns, rows: terminal.rows))
  }

  mutating func typeOnLogIn(_ bytes: [UInt8], into actions: inout Actions) {
    guard let outcome = logInScreen?.type(bytes) else { return }
    switch outcome {
    case .nothing: break
    case .redraw: drawLogIn()
    case .cancel: disconnect(.loggedOffByUser, "log-in given up", into: &actions)
    case .submit:
      drawLogIn()
      guard let screen = logInScreen else { return }
      askForLogIn(
        name: screen.name, password: screen.password, code: screen.code.isEmpty ? nil : screen.code, into: &actions)
    }
  }

  // MARK: What runs

  /// Starts the session's program once the client is active and known.
  mutating func startIfReady(into actions: inout Actions) {
    guard account != nil, hasFontMap, !isStarting, !isRunning else { return }
    isStarting = true
    ask(
      .start(columns: terminal.columns, rows: terminal.rows, width: width, height: height), .start, into: &actions)
  }

  mutating func started(_ isStarted: Bool, into actions: inout Actions) {
    isStarting = false
    guard isStarted else {
      return disconnect(.deniedConnection, "nothing could be started for this account", into: &actions)
    }
    isRunning = true
    actions.event(
      .sessionStarted(width: width, height: height, bitsPerPixel: output.format.rawValue))
  }
}
