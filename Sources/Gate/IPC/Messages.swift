import ConsoleCore
import Services
import WireKit

/// What a worker or the command line says to `gate`.
package enum ClientMessage: Codable, Sendable {
  /// The first message: who it is, and whether it takes pushes (a worker) or only asks (the command line).
  case hello(name: String, takesPushes: Bool)
  /// Asks; the reply carries the same number, in any order.
  case request(id: UInt64, GateRequest)
  case openSession(SessionRecord)
  case updateSession(SessionID, account: String)
  case closeSession(SessionID)
  case misbehaviour(Misbehaviour, source: IPAddress, service: ServiceName)
  case events([Event])
  /// The answer to `collectMetrics`.
  case metrics(id: UInt64, text: String)
  /// The answer to `ask`; `nil` when the worker knows nothing of the question.
  case answer(id: UInt64, ConsoleAnswer?)
}

/// What is answered.
package enum GateRequest: Codable, Sendable {
  case authenticate(LogInAttempt)
  case acceptsPublicKey([UInt8], account: String, peer: IPAddress)
  case scramParameters(name: String)
  case owner(address: String)
  case authenticateNTLM(NTLMAttempt)
  case administer(AdminRequest)
  /// From here on events come as pushes.
  case watch(WatchFilter)
  /// A console command, in the name of whoever logged in by this session of the worker's; without one, of the user at the
  /// other end of the administrators' socket.
  case console(ConsoleCall, session: SessionID?)
  /// The ticket for a session of the operating system, for whoever logged in by this session of the worker's.
  case sessionTicket(SessionID)
}

/// What `gate` says.
package enum ServerMessage: Codable, Sendable {
  /// The answer to `hello`. The socket outlives the gate, so that a connection alone says nothing: it may wait in the
  /// backlog for a gate that is just being restarted.
  case welcome
  case reply(id: UInt64, GateReply)
  case penalties(PenaltyUpdate)
  /// Some of the identities that there are: in several messages, because together they may not fit into a frame.
  case identities([TLSIdentity], isFirst: Bool, isLast: Bool)
  case endSession(SessionID)
  case watched(Set<ServiceName>)
  case collectMetrics(id: UInt64)
  /// A console command that only a worker may know the answer to.
  case ask(id: UInt64, ConsoleQuestion)
  case event(Event)
}

/// The answers.
package enum GateReply: Codable, Sendable {
  case logIn(LogInResult)
  case accepted(Bool)
  case scramSalt(SCRAMSalt)
  case owner(AddressOwner?)
  case ntlm(NTLMResult)
  case administration(AdminReply)
  case watching
  case console(ConsoleAnswer)
  case ticket(String)
  /// The temporary failure, with its diagnosis.
  case unavailable(String)
  /// This peer may not ask that.
  case refused
}

/// Penalties that came into force or were lifted.
package struct PenaltyUpdate: Codable, Sendable {
  package struct Entry: Codable, Sendable {
    package var source: IPNetwork
    /// `nil` when the source is welcome again.
    package var nanosecondsLeft: Int64?
  }

  /// Whether it replaces all that was known.
  package var isReset: Bool
  package var prefixLengthV4: Int
  package var prefixLengthV6: Int
  package var entries: [Entry]
}
