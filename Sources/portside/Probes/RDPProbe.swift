import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import RDPCore
import Services
import Transport
import WireKit

/// Climbs the ladder of a remote desktop's connection and says which rung could not be reached, and why. With TLS alone it
/// comes up to the first picture; where the server demands NLA, to its challenge.
struct RDPProbe: Probe {
  private let target: ProbeTarget
  private let options: ProbeOptions

  init(_ url: String, _ options: ProbeOptions) throws {
    target = try ProbeTarget(url, standardPort: 3389)
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    do {
      var climb = try await climb(.ssl)
      if case .failed(.negotiation, let reason) = climb.last?.event {
        report.add("TLS without NLA", "refused (\(reason))")
        climb = try await self.climb([.ssl, .hybrid, .hybridEx])
      }
      for step in climb {
        switch step.event {
        case .rung(let rung, let detail): report.add(rung.rawValue, detail, nanoseconds: step.nanoseconds)
        case .failed(let rung, let reason): report.failure = "\(rung.rawValue): \(reason)"
        case .finished: report.add("answer", "all rungs reached", nanoseconds: step.nanoseconds)
        }
      }
      if climb.isEmpty { report.failure = "the server closed the connection" }
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }

  private struct Step: Sendable {
    var event: ClientSession.Event
    var nanoseconds: Int64
  }

  /// Collects what the session tells.
  private final class Climber: RequestHandler {
    typealias Request = Never
    typealias Reply = Never
    typealias Body = Never
    typealias Event = ClientSession.Event
    let steps: AsyncStream<Step>.Continuation
    private let start = NIODeadline.now()

    init(_ steps: AsyncStream<Step>.Continuation) { self.steps = steps }

    func handle(_ request: Never, body: RequestBody, on connection: Connection) async -> Never {}
    func report(_ event: ClientSession.Event, on connection: Connection) {
      steps.yield(Step(event: event, nanoseconds: (NIODeadline.now() - start).nanoseconds))
    }
    func ended(_ connection: Connection) { steps.finish() }
  }

  private func climb(_ protocols: SecurityProtocols) async throws -> [Step] {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if !options.trustRoots.isEmpty {
      configuration.trustRoots = .certificates(
        try options.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    let tls = try NIOSSLContext(configuration: configuration)
    let name = IPAddress(target.host) == nil ? target.host : nil
    let endpoint = try target.endpoint()
    let (stream, continuation) = AsyncStream.makeStream(of: Step.self)
    let climber = Climber(continuation)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(.seconds(5))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let connection = Connection.probe(to: endpoint, on: channel.eventLoop)
          var settings = SessionHandlerSettings(onError: { error, _ in
            climber.report(.failed(.tls, String(describing: error)), on: connection)
          })
          settings.startTLS = { pipeline, driver in
            try pipeline.addHandler(
              NIOSSLClientHandler(context: tls, serverHostname: name), position: .before(driver))
          }
          let driver = SessionHandler<ClientSession, Climber>(
            connection: connection, settings: settings, clock: SystemClock(), handler: climber
          ) { _ in ClientSession(protocols: protocols) }
          try channel.pipeline.syncOperations.addHandler(driver)
        }
      }
      .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    var steps: [Step] = []
    for await step in stream { steps.append(step) }
    channel.close(promise: nil)
    return steps
  }
}
