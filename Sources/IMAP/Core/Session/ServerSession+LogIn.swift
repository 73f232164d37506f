import SASLCore
import WireKit

/// Log-in (RFC 9051 §6.2.2, §6.2.3; SASL-IR: RFC 4959).
extension ServerSession {
  private var mayLogIn: Bool { configuration.isEncrypted || configuration.acceptsPlaintext }

  private mutating func refusePlaintext(now: MonotonicTime, into actions: inout Actions) {
    complete(.no("Log in inside TLS only", .privacyRequired), now: now, into: &actions)
  }

  mutating func logIn(_ name: [UInt8], _ password: [UInt8], now: MonotonicTime, into actions: inout Actions) {
    buffer = []
    guard mayLogIn else { return refusePlaintext(now: now, into: &actions) }
    mechanism = "LOGIN"
    guard let text = String(validating: name, as: UTF8.self), !text.isEmpty, !password.isEmpty else {
      return refuse(.denied, now: now, into: &actions)
    }
    exchange = nil
    let proof = PasswordProof(authorization: "", name: text, password: SASLSecret(password))
    phase = .saslJudging(ask(.authenticate(.password(proof)), into: &actions))
  }

  mutating func authenticate(_ name: String, _ initial: [UInt8]?, now: MonotonicTime, into actions: inout Actions) {
    buffer = []
    guard mayLogIn else { return refusePlaintext(now: now, into: &actions) }
    guard let mechanism = SASLMechanism(name: name), configuration.mechanisms.contains(mechanism) else {
      complete(.no("There is no such mechanism", .cannot), now: now, into: &actions)
      return
    }
    self.mechanism = mechanism.rawValue
    var exchange = SASLServerExchange(mechanism)
    var response: [UInt8]?
    if let initial {
      guard let decoded = initial == [UInt8(ascii: "=")] ? [] : Base64.decode(initial) else {
        complete(.bad("The response is not base 64"), now: now, into: &actions)
        return
      }
      response = decoded
    }
    let step = exchange.begin(response)
    self.exchange = exchange
    carryOut(step, now: now, into: &actions)
  }

  /// A line in answer to a challenge.
  mutating func takeResponse(_ line: RawSpan, now: MonotonicTime, into actions: inout Actions) {
    let bytes = line.copied()
    guard var exchange, bytes != [UInt8(ascii: "*")] else {
      self.exchange = nil
      complete(.bad("The exchange was given up"), now: now, into: &actions)
      return
    }
    guard let response = Base64.decode(bytes) else {
      self.exchange = nil
      complete(.bad("The response is not base 64"), now: now, into: &actions)
      return
    }
    let step = exchange.receive(response)
    self.exchange = exchange
    carryOut(step, now: now, into: &actions)
  }

  mutating func authenticationAnswered(_ answer: SASLAnswer, now: MonotonicTime, into actions: inout Actions) {
    if var exchange {
      let step = exchange.resume(answer)
      self.exchange = exchange
      return carryOut(step, now: now, into: &actions)
    }
    switch answer {
    case .granted(let account, _): grant(account, now: now, into: &actions)
    case .failed(let failure): refuse(failure, now: now, into: &actions)
    case .scramParameters: refuse(.malformed, now: now, into: &actions)
    }
  }

  private mutating func carryOut(
    _ step: SASLServerExchange.Step, now: MonotonicTime, into actions: inout Actions
  ) {
    switch step {
    case .challenge(let challenge):
      actions.write { output in
        output.append(contentsOf: "+ ".utf8)
        output.append(contentsOf: Base64.encode(challenge))
        output.appendLineEnd()
      }
      phase = .saslResponse
    case .question(let question): phase = .saslJudging(ask(.authenticate(question), into: &actions))
    case .granted(let account): grant(account, now: now, into: &actions)
    case .failed(let failure): refuse(failure, now: now, into: &actions)
    }
  }

  private mutating func grant(_ account: String, now: MonotonicTime, into actions: inout Actions) {
    exchange = nil
    state = .authenticated
    actions.event(.loggedIn(account: account, mechanism: mechanism))
    actions.setTimer(Self.logInTimer, at: nil)
    complete(.ok("Logged in", ResponseCode("CAPABILITY \(capabilities)")), now: now, into: &actions)
  }

  private mutating func refuse(_ failure: SASLFailure, now: MonotonicTime, into actions: inout Actions) {
    exchange = nil
    actions.event(.logInFailed(mechanism: mechanism))
    logInFailures += 1
    let completion: Completion =
      switch failure {
      case .malformed: .bad("That is no response of this mechanism")
      case .denied: .no("Name or password is wrong, or log-in is not permitted", .authenticationFailed)
      case .codeNeeded:
        .no("The code of the second factor is needed, behind the password", .authenticationFailed)
      case .penalised(let seconds):
        .no("Too many failures from your address; try again in \(seconds) seconds", .unavailable)
      case .unavailable: .no("Nobody can be asked now; try again later", .unavailable)
      }
    complete(completion, now: now, into: &actions)
    if logInFailures >= configuration.limits.logInFailures, case .command = phase {
      bye("Too many failures", into: &actions)
    }
  }
}
