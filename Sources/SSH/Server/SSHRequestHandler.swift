import NIOCore
import Services
import SSHCore
import Synchronization
import Transport
import WireKit

/// Answers what SSH sessions ask: log-in by the directory of accounts, programs by the owner's source.
final class SSHRequestHandler: RequestHandler {
  typealias Request = ServerRequest
  typealias Reply = ServerReply
  typealias Body = Never
  typealias Event = ServerEvent

  private struct Rules {
    var configuration: SSHServerConfiguration
    var programs: any SessionProgramSource
  }

  private let rules: Mutex<Rules>
  private let context: ServerContext
  private let watch = DescriptorWatch()
  private let connections = Mutex<[SessionID: ConnectionPrograms]>([:])

  init(configuration: SSHServerConfiguration, context: ServerContext, programs: any SessionProgramSource) {
    rules = Mutex(Rules(configuration: configuration, programs: programs))
    self.context = context
  }

  var configuration: SSHServerConfiguration { rules.withLock { $0.configuration } }
  private var programs: any SessionProgramSource { rules.withLock { $0.programs } }

  func reload(_ configuration: SSHServerConfiguration, _ programs: any SessionProgramSource) {
    rules.withLock { $0 = Rules(configuration: configuration, programs: programs) }
  }

  private func state(of connection: Connection) -> ConnectionPrograms {
    connections.withLock { connections in
      if let state = connections[connection.id] { return state }
      let state = ConnectionPrograms()
      connections[connection.id] = state
      return state
    }
  }

  /// Programs wait for descriptors or on threads of their own; what blocks for longer than a system call is sent there.
  var handlesOnEventLoop: Bool { true }

  func answer(_ request: ServerRequest, on connection: Connection) -> ServerReply? {
    switch request {
    case .input(let channel, let bytes):
      guard let program = state(of: connection)[channel] else { return .done }
      return program.takeInput(bytes) ? .done : nil
    case .output(let channel, let maximum):
      guard let program = state(of: connection)[channel] else { return .output(.ended(.none)) }
      return program.availableOutput(maximum: maximum).map { .output($0) }
    case .inputEnd(let channel): state(of: connection)[channel]?.inputEnd()
    case .resize(let channel, let size): state(of: connection)[channel]?.resize(size)
    case .signal(let channel, let name): state(of: connection)[channel]?.signal(name)
    case .closed(let channel): state(of: connection).remove(channel)?.close()
    case .probeKey, .logIn, .start, .connect, .connectLocal, .listen, .listenLocal, .stopListening, .stopListeningLocal,
      .accept:
      return nil
    }
    return .done
  }

  func handle(_ request: ServerRequest, body: RequestBody, on connection: Connection) async -> ServerReply {
    let state = state(of: connection)
    switch request {
    case .input(let channel, let bytes):
      await state[channel]?.input(bytes)
      return .done
    case .output(let channel, let maximum):
      guard let program = state[channel] else { return .output(.ended(.none)) }
      return .output(await program.output(maximum: maximum))
    case .probeKey(let user, let key):
      let accepted = try? await context.accounts.acceptsPublicKey(key, account: user, peer: connection.peer.address)
      return .keyAccepted(accepted ?? false)
    case .logIn(let proof): return .verdict(await judge(proof, connection, state))
    case .start(let channel, let start):
      var start = start
      if start.reachesAgent, let path = state.listeners(watch)?.listenForAgent() {
        start.environment.append(EnvironmentVariable(name: "SSH_AUTH_SOCK", value: Array(path.utf8)))
      }
      guard let account = state.account,
        let program = await programs.start(start, for: account, on: connection)
      else { return .started(false) }
      return .started(state.add(program, channel))
    case .connect(let channel, let target):
      guard let program = await TCPProgram.connect(to: target, watch) else { return .connected(.connectFailed) }
      return .connected(state.add(program, channel) ? nil : .connectFailed)
    case .connectLocal(let channel, let path):
      guard let program = await TCPProgram.connect(toSocketAt: path, watch) else { return .connected(.connectFailed) }
      return .connected(state.add(program, channel) ? nil : .connectFailed)
    case .listenLocal(let path): return .listening(state.listeners(watch)?.listen(socketAt: path) == true ? 0 : nil)
    case .stopListeningLocal(let path):
      state.listeners(watch)?.stop(socketAt: path)
      return .done
    case .listen(let host, let port): return .listening(state.listeners(watch)?.listen(host, port))
    case .stopListening(let host, let port):
      state.listeners(watch)?.stop(host, port)
      return .done
    case .accept:
      while let (channel, program, connection) = await state.listeners(watch)?.accept() {
        if state.add(program, channel) { return .accepted(channel, connection) }
      }
      return .done
    case .inputEnd, .resize, .signal, .closed: return .done
    }
  }

  private func judge(
    _ proof: LogInProof, _ connection: Connection, _ state: ConnectionPrograms
  ) async -> LogInVerdict {
    let credential: LogInAttempt.Credential =
      switch proof.kind {
      case .publicKey(let key): .provenPublicKey(key)
      case .password(let password): .password(Secret(password.bytes))
      case .passwordAndCode(let password, let code):
        .passwordAndCode(Secret(password.bytes), code: Secret(code.bytes))
      }
    let attempt = LogInAttempt(
      name: proof.user, credential: credential, service: .ssh, peer: connection.peer, isEncrypted: true)
    guard let result = try? await context.accounts.authenticate(attempt) else { return .unavailable }
    switch result {
    case .granted(var identity):
      // Where a key and a second factor are needed, the key's restrictions stay.
      if identity.keyOptions == nil, state.account?.name == identity.name {
        identity.keyOptions = state.account?.keyOptions
      }
      guard let grant = configuration.grant(identity) else { return .denied }
      state.account = identity
      return .granted(grant)
    case .denied: return .denied
    case .codeNeeded: return .codeNeeded
    case .penalised: return .unavailable
    }
  }

  func ended(_ connection: Connection) {
    connections.withLock { $0.removeValue(forKey: connection.id) }?.closeAll()
  }

  // MARK: Events

  func report(_ event: ServerEvent, on connection: Connection) {
    switch event {
    case .keysExchanged(let exchange, let hostKey, let cipherIn, let cipherOut, let software):
      emit(
        .debug, .log, "keys exchanged", connection,
        [
          .init("kex", .string(exchange)), .init("host_key", .string(hostKey)), .init("cipher_in", .string(cipherIn)),
          .init("cipher_out", .string(cipherOut)), .init("peer_software", .string(software)),
        ])
    case .logInFailed(let user, let method):
      emit(.notice, .audit, "log-in failed", connection, [.init("method", .string(method))], account: user)
    case .loggedIn(_, let account, let method, let key):
      context.sessions.update(connection.id, account: account)
      emit(
        .info, .audit, "logged in", connection,
        [.init("method", .string(method))] + (key.map { [.init("key", .string($0))] } ?? []), account: account)
    case .channelOpened(let channel, let kind):
      emit(
        .debug, .log, "channel opened", connection,
        [.init("channel", .integer(Int64(channel.number))), .init("kind", .string(kind))])
    case .programStarted(let channel, let name):
      emit(
        .info, .audit, "program started", connection,
        [.init("channel", .integer(Int64(channel.number))), .init("program", .string(name))])
    case .channelClosed(let channel):
      emit(.debug, .log, "channel closed", connection, [.init("channel", .integer(Int64(channel.number)))])
    case .graceExceeded:
      context.penalties.report(.graceExceeded, by: connection.peer.address, service: .ssh)
    case .leftWithoutAttempt:
      context.penalties.report(.noauth, by: connection.peer.address, service: .ssh)
    case .disconnected(let reason, let diagnosis):
      emit(
        .info, .log, "disconnected", connection,
        [.init("reason", .integer(Int64(reason))), .init("diagnosis", .string(diagnosis))])
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
