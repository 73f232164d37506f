import NIOCore
import NIOPosix
import SSHCore
import WireKit

/// A client for one program at a time, on a connection of its own: for checks, probes and small errands.
public struct SSHClient: Sendable {
  public struct Configuration: Sendable {
    public var user: String
    /// Tried in this order; none asks the server only which methods it has.
    public var credentials: [ClientCredential]
    /// What keyboard-interactive is answered, question by question.
    public var answers: [Credential]
    /// Whether this is the server's key.
    public var judgeHostKey: @Sendable (PublicKey) -> Bool
    /// What is said of a certificate that the server has instead of a bare key: `unknown` has the key judged alone. Servers are
    /// asked for certificates where `algorithms.hostKeys` names such algorithms.
    public var judgeHostCertificate: @Sendable (KeyCertificate) -> KnownHosts.Judgement = { _ in .unknown }
    public var algorithms: AlgorithmPreferences
    /// Seconds for connecting, and again for each stretch without a byte.
    public var timeoutSeconds: Int64
    /// Most bytes of output that are kept; more is an error.
    public var maximumOutput: Int

    public init(
      user: String, credentials: [ClientCredential] = [], answers: [Credential] = [],
      algorithms: AlgorithmPreferences = .init(), timeoutSeconds: Int64 = 10, maximumOutput: Int = 10 * 1024 * 1024,
      judgeHostKey: @escaping @Sendable (PublicKey) -> Bool
    ) {
      self.user = user
      self.credentials = credentials
      self.answers = answers
      self.algorithms = algorithms
      self.timeoutSeconds = timeoutSeconds
      self.maximumOutput = maximumOutput
      self.judgeHostKey = judgeHostKey
    }

    /// Judges the server by a list, as OpenSSH does with `StrictHostKeyChecking=yes`: what the list does not know is refused.
    ///
    /// - Parameters:
    ///   - host: The name that the user gave.
    ///   - now: Seconds since 1970, for certificates.
    public mutating func judge(
      by known: KnownHosts, host: String, port: UInt16, now: @escaping @Sendable () -> UInt64
    ) {
      algorithms.hostKeys = known.order(algorithms.hostKeys, host: host, port: port)
      judgeHostKey = { known.judge($0, host: host, port: port) == .known }
      judgeHostCertificate = { known.judge($0, host: host, port: port, now: now()) }
    }
  }

  private let group: any EventLoopGroup
  public var configuration: Configuration

  public init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, configuration: Configuration
  ) {
    self.group = group
    self.configuration = configuration
  }

  /// Connects, logs in where there are credentials, and runs a program to its end where there is one.
  ///
  /// Throws `SSHClientError` when that does not come about; a program that fails is a result.
  public func run(_ program: (any ClientProgram)? = nil, at endpoint: Endpoint) async throws -> SSHExchange {
    let promise = group.any().makePromise(of: SSHExchange.self)
    let configuration = configuration
    do {
      let channel = try await ClientBootstrap(group: group)
        .connectTimeout(.seconds(configuration.timeoutSeconds))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              SSHClientDriver(configuration, program, promise: promise))
          }
        }
        .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
      defer { channel.close(promise: nil) }
      return try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        promise.fail(CancellationError())
      }
    } catch {
      promise.fail(error)
      throw error
    }
  }
}

/// What a client runs in its session channel.
public protocol ClientProgram: Sendable {
  var request: SessionStart.Program { get }
  /// It runs: what to say first. Nothing more comes from us when `isDone`.
  mutating func started() -> [UInt8]
  /// Output has come; what to say to it.
  mutating func received(_ bytes: [UInt8]) -> [UInt8]
  /// Whether the channel may end.
  var isDone: Bool { get }
}

/// A command, with input that is sent at once.
public struct ClientCommandLine: ClientProgram {
  public let command: String
  public let input: [UInt8]
  public init(_ command: String, input: [UInt8] = []) {
    self.command = command
    self.input = input
  }

  public var request: SessionStart.Program { .exec(Array(command.utf8)) }
  public func started() -> [UInt8] { input }
  public func received(_ bytes: [UInt8]) -> [UInt8] { [] }
  public var isDone: Bool { true }
}

/// What came of one connection.
public struct SSHExchange: Sendable {
  /// The server's identification line.
  public var server = ""
  public var hostKey: PublicKey?
  /// The certificate that the server was believed by.
  public var hostCertificate: KeyCertificate?
  /// `mlkem768x25519-sha256, ssh-ed25519, chacha20-poly1305@openssh.com`.
  public var algorithms = ""
  public var banner = ""
  /// The methods to log in that the server named last.
  public var methods: [String] = []
  public var isLoggedIn = false
  public var output: [UInt8] = []
  public var errors: [UInt8] = []
  public var exit: ExitStatus?
  public var timings = Timings()
  /// The program as it was at the end, with what it has learnt.
  public var program: (any ClientProgram)?

  /// Nanoseconds since the beginning; 0 for what did not happen.
  public struct Timings: Sendable {
    public var connected: Int64 = 0
    public var keysExchanged: Int64 = 0
    public var loggedIn: Int64 = 0
    public var ended: Int64 = 0
  }
}

/// Why a connection came to nothing.
public struct SSHClientError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
