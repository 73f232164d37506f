import HTTPCore
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import WireKit

/// A client for one request at a time, each on a connection of its own: for checks, probes and small fetches.
public struct HTTPClient: Sendable {
  /// Which versions to offer.
  public enum Versions: Sendable {
    /// HTTP/2 where ALPN agrees on it, otherwise HTTP/1.1.
    case any
    case http11
    /// HTTP/2 only; in plain text by prior knowledge.
    case http2
  }

  public struct Configuration: Sendable {
    public var versions: Versions
    /// DER certificates to trust; empty for the system's.
    public var trustRoots: [[UInt8]]
    /// Connect here, whatever the URL's host is.
    public var endpoint: Endpoint?
    /// Seconds for connecting, and again for each stretch without a byte.
    public var timeoutSeconds: Int64
    /// Most bytes of content that are kept; more is an error.
    public var maximumContent: Int

    public init(
      versions: Versions = .any, trustRoots: [[UInt8]] = [], endpoint: Endpoint? = nil, timeoutSeconds: Int64 = 10,
      maximumContent: Int = 10 * 1024 * 1024
    ) {
      self.versions = versions
      self.trustRoots = trustRoots
      self.endpoint = endpoint
      self.timeoutSeconds = timeoutSeconds
      self.maximumContent = maximumContent
    }
  }

  private let group: any EventLoopGroup
  public var configuration: Configuration

  public init(group: any EventLoopGroup, configuration: Configuration = Configuration()) {
    self.group = group
    self.configuration = configuration
  }

  /// Fetches a URL by GET.
  public func get(_ url: HTTPURL, fields: Fields = Fields()) async throws -> HTTPExchange {
    try await perform(.get, url, fields: fields)
  }

  /// Fetches the head only.
  public func head(_ url: HTTPURL, fields: Fields = Fields()) async throws -> HTTPExchange {
    try await perform(.head, url, fields: fields)
  }

  /// Carries out one request. Redirects are not followed.
  public func perform(
    _ method: Method, _ url: HTTPURL, fields: Fields = Fields(), content: [UInt8] = []
  ) async throws -> HTTPExchange {
    let request = ClientRequest(
      method, isSecure: url.isSecure, authority: url.authority, target: url.target, fields: fields, content: content)
    let tls = url.isSecure ? try context() : nil
    let promise = group.any().makePromise(of: HTTPExchange.self)
    let started = NIODeadline.now()
    let configuration = configuration
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(.seconds(configuration.timeoutSeconds))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let driver = ClientDriver(
            request, configuration: configuration, isSecure: url.isSecure, started: started, promise: promise)
          if let tls { try Self.addTLS(tls, url.host, driver, channel) }
          try channel.pipeline.syncOperations.addHandler(driver)
        }
      }
    do {
      let channel: any Channel
      if let endpoint = configuration.endpoint {
        channel = try await bootstrap.connect(
          to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))
        ).get()
      } else {
        channel = try await bootstrap.connect(host: url.host, port: Int(url.port)).get()
      }
      defer { channel.close(promise: nil) }
      return try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        channel.close(promise: nil)
      }
    } catch {
      // Where connecting fails, nobody else fulfils it.
      promise.fail(error)
      throw error
    }
  }

  private func context() throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    switch configuration.versions {
    case .any: tls.applicationProtocols = ["h2", "http/1.1"]
    case .http11: tls.applicationProtocols = ["http/1.1"]
    case .http2: tls.applicationProtocols = ["h2"]
    }
    tls.minimumTLSVersion = .tlsv12
    if !configuration.trustRoots.isEmpty {
      tls.trustRoots = .certificates(
        try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    return try NIOSSLContext(configuration: tls)
  }

  private static func addTLS(
    _ context: NIOSSLContext, _ host: String, _ driver: ClientDriver, _ channel: any Channel
  ) throws {
    // An address is no server name (RFC 6066 §3); the certificate is compared with the address instead.
    let name = IPAddress(host) == nil ? host : nil
    let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
    driver.tls = handler
    try channel.pipeline.syncOperations.addHandler(handler)
  }
}
