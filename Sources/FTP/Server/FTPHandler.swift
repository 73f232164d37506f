import FTPCore
import FTPData
import NIOCore
import NIOPosix
import Services
import Synchronization
import Transport
import WireKit

/// Answers what the sessions of control connections ask.
final class FTPHandler: RequestHandler {
  typealias Request = FTPRequest
  typealias Reply = FTPOutcome
  typealias Body = Never
  typealias Event = FTPEvent

  let configuration: Mutex<FTPServerConfiguration>
  let counters = Mutex(FTPCounters())
  let context: ServerContext
  let contexts: TLSContextStore
  let pool: NIOThreadPool
  let direct = DirectThreads()
  let ports = PassivePorts()
  private let controls = Mutex<[SessionID: FTPControl]>([:])

  init(
    _ configuration: FTPServerConfiguration, context: ServerContext, contexts: TLSContextStore, pool: NIOThreadPool
  ) {
    self.configuration = Mutex(configuration)
    self.context = context
    self.contexts = contexts
    self.pool = pool
  }

  func makeSession(_ connection: Connection, offersTLS: Bool, isImplicit: Bool) -> FTPServerSession {
    let configuration = configuration.withLock { $0 }
    let control = FTPControl(configuration)
    controls.withLock { $0[connection.id] = control }
    return FTPServerSession(
      policy: configuration.policy(
        for: .init(address: connection.peer.address, offersTLS: offersTLS, isImplicit: isImplicit)),
      limits: configuration.limits)
  }

  func control(_ connection: Connection) -> FTPControl? { controls.withLock { $0[connection.id] } }

  // MARK: RequestHandler

  /// What waits for the medium runs on the pool; the rest waits for data connections, which are on the same event loop.
  var handlesOnEventLoop: Bool { true }

  func answer(_ request: FTPRequest, on connection: Connection) -> FTPOutcome? {
    guard let control = control(connection) else { return .failed(.local) }
    switch request {
    case .workingDirectory: return .path(control.state.withLock { $0.folder.bytes })
    case .progress: return .progress(bytes: control.state.withLock { $0.moved })
    case .active(let endpoint):
      // Only to the client itself, else this server would knock at other doors for it (bounce, RFC 2577 §3).
      guard endpoint.address.unmapped == connection.peer.address.unmapped, endpoint.port >= 1024 else {
        return .failed(.forbiddenAddress)
      }
      control.setPort(.active(endpoint))
      return .done
    case .abandonData:
      control.setPort(nil)
      return .done
    case .reset:
      control.reset()
      return .done
    case .passive(let family):
      do throws(FTPFailure) { return .passive(try passive(control, family, connection)) } catch {
        return .failed(error)
      }
    case .run: return runAtOnce(control, connection)
    default: return nil
    }
  }

  func handle(_ request: FTPRequest, body: RequestBody, on connection: Connection) async -> FTPOutcome {
    guard let control = control(connection) else { return .failed(.local) }
    do {
      switch request {
      case .logIn(let name, let password, let isAnonymous):
        return await logIn(control, name, password, isAnonymous: isAnonymous, connection)
      case .secondFactor(let code): return await secondFactor(control, code, connection)
      case .begin(let transfer): return try await onPool { [self] in try begin(transfer, control) }
      case .run: return .transferred(bytes: try await run(control, connection))
      default:
        let outcome = try await onPool { [self] in try perform(request, control) }
        reportChange(request, control, connection)
        return outcome
      }
    } catch {
      return .failed(FTPFailure(error))
    }
  }

  func report(_ event: FTPEvent, on connection: Connection) {
    switch event {
    case .received(let line): tell(.received, line, "", connection)
    case .sent(let reply):
      guard context.events.isWatched(connection.service) else { return }
      var bytes: [UInt8] = []
      reply.encode(into: &bytes)
      tell(.sent, String(decoding: bytes.dropLast(2), as: UTF8.self), "", connection)
    case .logInRefused: break
    case .ended(.logInTime):
      context.penalties.report(.graceExceeded, by: connection.peer.address, service: connection.service)
    case .ended(.foreignProtocol):
      emit(.notice, "refused: another protocol's words", connection)
    case .ended: break
    }
  }

  func ended(_ connection: Connection) {
    controls.withLock { $0.removeValue(forKey: connection.id) }?.end()
  }

  // MARK: Words

  private func tell(_ direction: Services.Event.Direction, _ wire: String, _ meaning: String, _ connection: Connection)
  {
    guard context.events.isWatched(connection.service) else { return }
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug,
        kind: .conversation(direction, wire: wire, meaning: meaning), message: "conversation",
        service: connection.service, session: connection.id, peer: connection.peer))
  }

  func emit(
    _ severity: Services.Event.Severity, _ message: StaticString, _ connection: Connection,
    kind: Services.Event.Kind = .log, account: String? = nil, _ fields: [Services.Event.Field] = []
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, kind: kind, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, account: account, fields: fields))
  }

  /// Does work that may wait for the medium.
  func onPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await pool.runIfActive(body)
  }
}
