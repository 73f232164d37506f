import Services
import Synchronization
import TelnetCore
import Transport
import WireKit

/// Serves one serial device to one client at a time.
public final class SerialLineHandler: RequestHandler {
  public typealias Request = SerialRequest
  public typealias Reply = SerialReply
  public typealias Body = Never
  public typealias Event = TelnetEvent

  private struct State {
    var port: SerialPort?
    var owner: SessionID?
  }

  public let name: String
  private let line: @Sendable () -> Line?
  private let context: ServerContext
  private let state = Mutex(State())

  /// The device, and how it is set for each client until that asks for something else.
  public struct Line: Sendable {
    public var device: String
    public var settings: SerialSettings

    public init(device: String, settings: SerialSettings) {
      self.device = device
      self.settings = settings
    }
  }

  /// `line`: what is configured at the moment; `nil` for nothing any more.
  public init(name: String, context: ServerContext, line: @escaping @Sendable () -> Line?) {
    self.name = name
    self.line = line
    self.context = context
  }

  public static var operations: [String] { ["serial-open"] }
  public func operation(of request: SerialRequest) -> Int? { request == .open ? 0 : nil }
  public func outcome(of reply: SerialReply) -> OperationOutcome {
    if case .unavailable = reply { .refused } else { .ok }
  }

  private func port(_ connection: Connection) -> SerialPort? {
    state.withLock { $0.owner == connection.id ? $0.port : nil }
  }

  public func answer(_ request: SerialRequest, on connection: Connection) -> SerialReply? {
    switch request {
    case .open: return open(connection)
    case .apply(let settings): return .settings(port(connection)?.apply(settings) ?? settings)
    case .signal(let signal, let isOn):
      port(connection)?.signal(signal, isOn)
      return .done
    case .purge(let input, let output):
      port(connection)?.purge(input: input, output: output)
      return .done
    case .read, .write, .modem: return nil
    }
  }

  public func handle(_ request: SerialRequest, body: RequestBody, on connection: Connection) async -> SerialReply {
    guard let port = port(connection) else { return .ended }
    switch request {
    case .read: return await port.read().map { .bytes($0) } ?? .ended
    case .write(let bytes):
      await port.write(bytes)
      return .done
    case .modem(let known): return .modem(await port.modem(besides: known))
    case .open, .apply, .signal, .purge: return .done
    }
  }

  private func open(_ connection: Connection) -> SerialReply {
    guard let line = line() else { return .unavailable("it is configured no more") }
    let result = state.withLock { state -> Result<SerialPort, SerialFailure> in
      guard state.owner == nil else { return .failure(SerialFailure("somebody else has it")) }
      do throws(SerialFailure) {
        let port = try SerialPort(device: line.device, line.settings)
        (state.port, state.owner) = (port, connection.id)
        return .success(port)
      } catch { return .failure(error) }
    }
    switch result {
    case .success(let port):
      emit(.notice, "serial line taken", connection)
      return .opened(port.apply(line.settings), modem: port.modem)
    case .failure(let failure):
      emit(.warning, "serial line refused", connection, [.init("reason", .string(failure.words))])
      return .unavailable(failure.words)
    }
  }

  public func report(_ event: TelnetEvent, on connection: Connection) {
    switch event {
    case .heard(let words): watch(.received, words, connection)
    case .said(let words): watch(.sent, words, connection)
    case .ended(let reason):
      emit(.notice, "connection ended", connection, [.init("reason", .string(reason.rawValue))])
    case .loggedIn, .logInRefused: break
    }
  }

  public func ended(_ connection: Connection) {
    let port = state.withLock { state -> SerialPort? in
      guard state.owner == connection.id else { return nil }
      defer { state = State() }
      return state.port
    }
    guard let port else { return }
    port.close()
    emit(.info, "serial line given back", connection)
  }

  private func watch(_ direction: Services.Event.Direction, _ words: String, _ connection: Connection) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug,
        kind: .conversation(direction, wire: "IAC \(words)", meaning: TelnetMeaning.of(words)), message: "telnet",
        service: connection.service, session: connection.id, peer: connection.peer))
  }

  /// Who works on a device's console is for the audit trail.
  private func emit(
    _ severity: Services.Event.Severity, _ message: StaticString, _ connection: Connection,
    _ fields: [Services.Event.Field] = []
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, kind: .audit, message: message,
        service: connection.service, session: connection.id, peer: connection.peer,
        fields: [.init("line", .string(name))] + fields))
  }
}
