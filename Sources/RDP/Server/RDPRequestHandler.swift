import NIOCore
import RDPCore
import Services
import Synchronization
import Transport
import WireKit

/// Answers what sessions ask: log-in by the directory of accounts, the certificate's key, what runs.
public final class RDPRequestHandler: RequestHandler {
  public typealias Request = ServerRequest
  public typealias Reply = ServerReply
  public typealias Body = Never
  public typealias Event = ServerEvent

  private struct State {
    var account: AccountIdentity?
    var program: (any ConsoleProgram)?
    var desktop: (any DesktopProgram)?
  }

  private let context: ServerContext
  private let contexts: TLSContextStore
  private let source: any ConsoleSource
  private let states = Mutex<[SessionID: State]>([:])

  init(context: ServerContext, contexts: TLSContextStore, source: any ConsoleSource) {
    self.context = context
    self.contexts = contexts
    self.source = source
  }

  private func program(of connection: Connection) -> (any ConsoleProgram)? {
    states.withLock { $0[connection.id]?.program }
  }

  private func desktop(of connection: Connection) -> (any DesktopProgram)? {
    states.withLock { $0[connection.id]?.desktop }
  }

  private func startDesktop(_ width: Int, _ height: Int, _ connection: Connection) async -> ServerReply {
    guard let account = states.withLock({ $0[connection.id]?.account }),
      let desktop = await source.startDesktop(width: width, height: height, for: account, on: connection)
    else { return .started(false) }
    let isAlive = states.withLock { states in
      guard states[connection.id] != nil else { return false }
      states[connection.id]?.desktop = desktop
      return true
    }
    if !isAlive { desktop.leave(connection.id) }
    return isAlive ? .startedDesktop : .started(false)
  }

  func begin(_ connection: Connection) { states.withLock { $0[connection.id] = State() } }

  public func answer(_ request: ServerRequest, on connection: Connection) -> ServerReply? {
    switch request {
    case .publicKey: return .publicKey(publicKey(of: connection))
    case .output(let maximum):
      guard let program = program(of: connection) else { return .output(.ended) }
      return program.availableOutput(maximum: maximum).map { .output($0) }
    case .resize(let columns, let rows):
      program(of: connection)?.resize(columns: columns, rows: rows)
      return .done
    case .events(let events):
      desktop(of: connection)?.take(events, from: connection.id)
      return .done
    case .refresh:
      desktop(of: connection)?.refresh()
      return .done
    case .resizeDesktop(let width, let height):
      desktop(of: connection)?.resize(width: width, height: height)
      return .done
    case .judge, .logIn, .start, .input, .frame: return nil
    }
  }

  public func handle(_ request: ServerRequest, body: RequestBody, on connection: Connection) async -> ServerReply {
    switch request {
    case .publicKey: return .publicKey(publicKey(of: connection))
    case .logIn(let name, let password, let code):
      return .verdict(await judge(name, password, code, connection))
    case .judge(let claim): return .claim(await judge(claim, connection))
    case .start(let columns, let rows, let width, let height):
      guard source.startsDesktops else { return .started(await start(columns, rows, connection)) }
      return await startDesktop(width, height, connection)
    case .frame:
      guard let desktop = desktop(of: connection) else { return .frame(.ended) }
      return .frame(await desktop.frame(for: connection.id))
    case .input(let bytes):
      await program(of: connection)?.input(bytes)
      return .done
    case .output(let maximum):
      guard let program = program(of: connection) else { return .output(.ended) }
      return .output(await program.output(maximum: maximum))
    case .resize, .events, .refresh, .resizeDesktop: return .done
    }
  }

  public func ended(_ connection: Connection) {
    let state = states.withLock { $0.removeValue(forKey: connection.id) }
    state?.program?.close()
    state?.desktop?.leave(connection.id)
  }

  /// The key that CredSSP binds to: of the certificate that this connection was given, chosen in the same way.
  private func publicKey(of connection: Connection) -> [UInt8] {
    let identity = contexts.identity(
      for: connection.tls?.serverName, service: connection.service, localAddress: connection.local.address)
    return identity?.chain.first.flatMap { CertificateKey.subjectPublicKey(ofCertificate: $0) } ?? []
  }

  private func start(_ columns: Int, _ rows: Int, _ connection: Connection) async -> Bool {
    guard let account = states.withLock({ $0[connection.id]?.account }),
      let program = await source.start(columns: columns, rows: rows, for: account, on: connection)
    else { return false }
    let isAlive = states.withLock { states in
      guard states[connection.id] != nil else { return false }
      states[connection.id]?.program = program
      return true
    }
    if !isAlive { program.close() }
    return isAlive
  }

  // MARK: Log-in

  private func judge(
    _ name: String, _ password: HiddenText, _ code: HiddenText?, _ connection: Connection
  ) async -> LogInVerdict {
    let credential: LogInAttempt.Credential =
      code.map { .passwordAndCode(Secret(password.value), code: Secret($0.value)) } ?? .password(Secret(password.value))
    let attempt = LogInAttempt(
      name: name, credential: credential, service: .rdp, peer: connection.peer, isEncrypted: connection.isEncrypted)
    guard let result = try? await context.accounts.authenticate(attempt) else { return .unavailable }
    switch result {
    case .granted(let identity):
      granted(identity, connection)
      return .granted(account: identity.name)
    case .denied: return .denied
    case .codeNeeded: return .codeNeeded
    case .penalised: return .unavailable
    }
  }

  private func judge(
    _ claim: NTLMClaim, _ connection: Connection
  ) async -> (account: String, sessionBaseKey: [UInt8])? {
    let attempt = NTLMAttempt(
      user: claim.user, domain: claim.domain, serverChallenge: claim.serverChallenge, proof: claim.proof,
      clientChallenge: claim.clientChallenge, service: .rdp, peer: connection.peer)
    guard let result = try? await context.accounts.authenticate(ntlm: attempt),
      case .granted(let identity, let key) = result
    else { return nil }
    granted(identity, connection)
    return (identity.name, key.withBytes { $0 })
  }

  private func granted(_ identity: AccountIdentity, _ connection: Connection) {
    states.withLock { $0[connection.id]?.account = identity }
    context.sessions.update(connection.id, account: identity.name)
  }

  // MARK: Events

  public func report(_ event: ServerEvent, on connection: Connection) {
    switch event {
    case .step(let isReceived, let name, let meaning):
      emit(
        .debug, .conversation(isReceived ? .received : .sent, wire: name, meaning: meaning), "step", connection, [])
    case .negotiated(let protocols):
      emit(.debug, .log, "security negotiated", connection, [.init("protocol", .string(protocols.name))])
    case .clientNamed(let name, let build):
      emit(
        .debug, .log, "client named", connection,
        [.init("client", .string(name)), .init("build", .integer(Int64(build)))])
    case .loggedIn(let account, let method):
      emit(.info, .audit, "logged in", connection, [.init("method", .string(method))], account: account)
    case .logInFailed(let method):
      emit(.notice, .log, "log-in failed", connection, [.init("method", .string(method))])
    case .sessionStarted(let width, let height, let bits):
      let account = states.withLock { $0[connection.id]?.account?.name }
      emit(
        .info, .audit, "session started", connection,
        [
          .init("width", .integer(Int64(width))), .init("height", .integer(Int64(height))),
          .init("bits", .integer(Int64(bits))),
        ], account: account)
    case .leftWithoutAttempt:
      context.penalties.report(.noauth, by: connection.peer.address, service: .rdp)
    case .graceExceeded:
      context.penalties.report(.graceExceeded, by: connection.peer.address, service: .rdp)
    case .ended(let diagnosis):
      emit(.info, .log, "session ended", connection, [.init("diagnosis", .string(diagnosis))])
    }
  }

  private func emit(
    _ severity: Services.Event.Severity, _ kind: Services.Event.Kind, _ message: StaticString,
    _ connection: Connection, _ fields: [Services.Event.Field], account: String? = nil
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, kind: kind, message: message,
        service: connection.service, session: connection.id, peer: connection.peer, account: account, fields: fields))
  }
}
