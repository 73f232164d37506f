import SASLCore
import WireKit

/// What a client shall do with one connection of ManageSieve.
public struct SievePlan: Sendable {
  public enum Security: Sendable, Hashable {
    /// STARTTLS, and nothing without it.
    case required
    /// STARTTLS where it is offered.
    case opportunistic
    case never
  }

  public var security: Security
  /// `nil`: capabilities are asked for, and nothing else.
  public var credential: SASLClientExchange.Credential?
  /// For SCRAM: random, printable, without a comma.
  public var nonce: String
  public var allowsPlaintextLogIn: Bool

  public init(
    security: Security, credential: SASLClientExchange.Credential? = nil, nonce: String = "",
    allowsPlaintextLogIn: Bool = false
  ) {
    self.security = security
    self.credential = credential
    self.nonce = nonce
    self.allowsPlaintextLogIn = allowsPlaintextLogIn
  }
}

/// What came of it.
public struct SieveOutcome: Sendable, Hashable {
  public var capabilities: [String: String] = [:]
  public var tlsVersion: String?
  public var isLoggedIn = false
  /// Scripts by name; the active one is marked.
  public var scripts: [String: Bool] = [:]
  /// The server's words, or what else kept the plan from its end.
  public var failure: String?

  public init() {}
}

/// What a client session tells.
public enum SieveClientEvent: Sendable {
  /// Secrets are masked.
  case sent(String)
  case received(String)
  /// Comes once.
  case finished(SieveOutcome)
}

/// The client's side: greets, secures, logs in, and lists the scripts.
public struct ManageSieveClientSession: StreamSession, ~Copyable {
  public typealias Request = Never
  public typealias Reply = Never
  public typealias Body = Never
  public typealias Event = SieveClientEvent

  private static let timer = SessionTimer(1)
  private static let patience = Duration.seconds(60)
  private static let maximumLines = 1_000

  private enum Phase {
    case greeting, startTLS, upgrading, authenticating, listing, logout, over
  }

  private let plan: SievePlan
  private var phase = Phase.greeting
  private var framer = LineFramer(maximumLength: 16_384)
  private var lines: [[UInt8]] = []
  private var outcome = SieveOutcome()
  private var exchange: SASLClientExchange?
  private var isEncrypted = false

  public init(plan: SievePlan) { self.plan = plan }

  public var maximumPendingInput: Int { 64 * 1024 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    actions.setTimer(Self.timer, at: now + Self.patience)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      if case .over = phase { return input.byteCount }
      if case .upgrading = phase { return consumed }
      let rest = input.extracting(consumed..<input.byteCount)
      switch framer.next(in: rest) {
      case .incomplete: return consumed
      case .tooLong, .bareLineEnd:
        finish("the server's answer is none of ManageSieve", &actions)
        return input.byteCount
      case .line(let length, let terminator):
        let line = rest.extracting(0..<length).copied()
        consumed += length + terminator
        take(line, now, &actions)
      }
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming Never, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {}

  public mutating func timerFired(_: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    finish("the server did not answer in time", &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    finish("the server ended the connection", &actions)
  }

  public mutating func tlsEstablished(_ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    isEncrypted = true
    outcome.tlsVersion = parameters.version
    phase = .greeting
    framer.reset()
  }

  // MARK: Answers

  private mutating func take(_ line: [UInt8], _ now: MonotonicTime, _ actions: inout Actions) {
    actions.setTimer(Self.timer, at: now + Self.patience)
    let text = String(decoding: line, as: UTF8.self)
    let word = text.prefix { $0 != " " && $0 != "(" }.uppercased()
    guard ["OK", "NO", "BYE"].contains(word) else {
      if case .authenticating = phase, line.first == 0x22 { return respond(line, &actions) }
      if lines.count < Self.maximumLines { lines.append(line) }
      return
    }
    actions.event(.received(text))
    defer { lines = [] }
    guard word == "OK" else { return finish(text, &actions) }
    switch phase {
    case .greeting: greeted(&actions)
    case .startTLS:
      phase = .upgrading
      actions.startTLS()
    case .authenticating:
      guard exchange?.isServerTrusted == true else { return finish("the server has not proved who it is", &actions) }
      outcome.isLoggedIn = true
      phase = .listing
      send("LISTSCRIPTS", &actions)
    case .listing:
      for line in lines {
        guard let name = Self.strings(line).first else { continue }
        outcome.scripts[name] = line.suffix(7) == Array(" ACTIVE".utf8)[...]
      }
      phase = .logout
      send("LOGOUT", &actions)
    case .logout: finish(nil, &actions)
    case .upgrading, .over: break
    }
  }

  private mutating func greeted(_ actions: inout Actions) {
    outcome.capabilities = [:]
    for line in lines {
      let strings = Self.strings(line)
      if let name = strings.first { outcome.capabilities[name.uppercased()] = strings.count > 1 ? strings[1] : "" }
    }
    if !isEncrypted, plan.security != .never, outcome.capabilities["STARTTLS"] != nil {
      phase = .startTLS
      return send("STARTTLS", &actions)
    }
    guard isEncrypted || plan.security != .required else { return finish("the server offers no TLS", &actions) }
    guard let credential = plan.credential else {
      phase = .logout
      return send("LOGOUT", &actions)
    }
    guard isEncrypted || plan.allowsPlaintextLogIn else {
      return finish("no TLS, and a password is not sent without it", &actions)
    }
    let offered = (outcome.capabilities["SASL"] ?? "").split(separator: " ").map(String.init)
    guard let mechanism = SASLClientExchange.choose(from: offered, for: credential) else {
      return finish("the server offers no way to log in that is known here", &actions)
    }
    var exchange = SASLClientExchange(mechanism, credential: credential, nonce: plan.nonce)
    phase = .authenticating
    let initial = exchange.initialResponse()
    self.exchange = exchange
    actions.write("AUTHENTICATE \"\(mechanism.rawValue)\"")
    if let initial {
      actions.write(" ")
      actions.write(SieveReply.string(Base64.encode(initial)))
    }
    actions.write("\r\n")
    actions.event(.sent("AUTHENTICATE \"\(mechanism.rawValue)\" ••••"))
  }

  private mutating func respond(_ line: [UInt8], _ actions: inout Actions) {
    guard let text = Self.strings(line).first, let challenge = Base64.decode(Array(text.utf8)),
      let response = exchange?.respond(to: challenge)
    else {
      actions.write("\"*\"\r\n")
      return
    }
    actions.write(SieveReply.string(Base64.encode(response)))
    actions.write("\r\n")
    actions.event(.sent("••••"))
  }

  private func send(_ command: String, _ actions: inout Actions) {
    actions.write(command)
    actions.write("\r\n")
    actions.event(.sent(command))
  }

  private mutating func finish(_ failure: String?, _ actions: inout Actions) {
    if case .over = phase { return }
    phase = .over
    outcome.failure = failure
    actions.event(.finished(outcome))
    actions.close()
  }

  /// The strings in quotes of a line.
  private static func strings(_ line: [UInt8]) -> [String] {
    var strings: [String] = []
    var current: [UInt8]?
    var isEscaped = false
    for byte in line {
      if var text = current {
        if isEscaped || byte != 0x22 && byte != 0x5C {
          text.append(byte)
          current = text
          isEscaped = false
        } else if byte == 0x5C {
          isEscaped = true
        } else {
          strings.append(String(decoding: text, as: UTF8.self))
          current = nil
        }
      } else if byte == 0x22 {
        current = []
      }
    }
    return strings
  }
}
