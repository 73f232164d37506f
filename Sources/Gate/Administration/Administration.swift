import ConsoleCore
import NIOPosix
import Services

/// Performs administration operations: in this process (`GateAdministration`) or in the running server
/// (`RemoteAdministration`). Who uses it need not know which.
public protocol Administration: Sendable {
  func perform(_ request: AdminRequest) async -> AdminReply
  /// Events from here on that the filter lets through, until the stream is dropped or the server ends.
  func watch(_ filter: WatchFilter) async throws(AdminFailure) -> AsyncStream<Event>
}

/// Administration of the running server, over its socket.
public final class RemoteAdministration: Administration {
  private let client: GateClient

  /// Connects. `.notRunning` when no gate answers within the limit.
  public init(path: String, clock: any Clock, timeLimit: Duration = .seconds(3)) async throws(AdminFailure) {
    client = GateClient(
      path: path, name: "command line", takesPushes: false, clock: clock,
      group: MultiThreadedEventLoopGroup.singleton, metrics: { "" })
    client.start()
    guard await client.waitUntilConnected(timeLimit: timeLimit) else {
      await client.stop()
      throw AdminFailure(.notRunning, "no server answers at \(path)")
    }
  }

  public func close() async { await client.stop() }

  public func perform(_ request: AdminRequest) async -> AdminReply {
    do throws(ServiceUnavailable) {
      switch try await client.request(.administer(request)) {
      case .administration(let reply): return reply
      case .refused: return .failure(AdminFailure(.refused, "administration is not allowed here"))
      default: return .failure(AdminFailure(.unavailable, "the server gave an answer that does not fit"))
      }
    } catch { return .failure(AdminFailure(.unavailable, error.diagnosis)) }
  }

  /// Carries out a console command in the name of the user who runs this program.
  public func perform(_ call: ConsoleCall) async -> ConsoleAnswer { await client.perform(call, session: nil) }

  public func watch(_ filter: WatchFilter) async throws(AdminFailure) -> AsyncStream<Event> {
    try await client.watch(filter)
  }
}
