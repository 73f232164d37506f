import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Services
import WireKit

/// A TLS handshake with a service whose own client can't speak TLS yet: version, protocol, certificate.
struct TLSProbe: Probe {
  private let target: ProbeTarget
  private let applicationProtocol: String
  private let options: ProbeOptions

  init(_ url: String, applicationProtocol: String, _ options: ProbeOptions) throws {
    target = try ProbeTarget(url, standardPort: 853)
    self.applicationProtocol = applicationProtocol
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    let start = NIODeadline.now()
    do {
      let result = try await handshake()
      let elapsed = (NIODeadline.now() - start).nanoseconds
      report.add("TLS", "\(result.version), \(result.applicationProtocol ?? "no ALPN")", nanoseconds: elapsed)
      report.add("certificate", result.certificate)
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }

  private struct Result: Sendable {
    var version: String
    var applicationProtocol: String?
    var certificate: String
  }

  private final class Waiter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<Result>
    private let handler: NIOSSLClientHandler

    init(_ promise: EventLoopPromise<Result>, _ handler: NIOSSLClientHandler) {
      self.promise = promise
      self.handler = handler
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard case TLSUserEvent.handshakeCompleted(let name) = event else { return }
      let version = handler.tlsVersion == .tlsv13 ? "TLSv1.3" : "TLSv1.2"
      promise.succeed(
        Result(
          version: version, applicationProtocol: name,
          certificate: handler.peerCertificate.map { String(describing: $0) } ?? "none"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      promise.fail(error)
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
      promise.fail(CommandFailure("the server closed the connection during the handshake"))
    }
  }

  private func handshake() async throws -> Result {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.applicationProtocols = [applicationProtocol]
    if !options.trustRoots.isEmpty {
      configuration.trustRoots = .certificates(
        try options.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    let context = try NIOSSLContext(configuration: configuration)
    let name = IPAddress(target.host) == nil ? target.host : nil
    let endpoint = try target.endpoint()
    let group = MultiThreadedEventLoopGroup.singleton
    let promise = group.any().makePromise(of: Result.self)
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: group).connectTimeout(.seconds(5))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
            try channel.pipeline.syncOperations.addHandlers([handler, Waiter(promise, handler)])
          }
        }
        .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    } catch {
      promise.fail(error)
      throw error
    }
    let deadline = group.any().scheduleTask(in: .seconds(10)) { promise.fail(CommandFailure("timed out")) }
    defer {
      deadline.cancel()
      channel.close(promise: nil)
    }
    return try await promise.futureResult.get()
  }
}
