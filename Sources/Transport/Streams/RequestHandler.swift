import NIOCore
import Services
import WireKit

/// Answers what the sessions of a protocol ask: the asynchronous half of a server.
public protocol RequestHandler: Sendable {
  associatedtype Request: Sendable
  associatedtype Reply: Sendable
  associatedtype Body: Sendable
  associatedtype Event: Sendable

  /// Answers at once, on the connection's event loop, or returns `nil` to have `handle` called instead. For what needs no
  /// store and no waiting: a suspension per request costs more than most of these answers do.
  func answer(_ request: Request, on connection: Connection) -> Reply?

  /// Answers in its own time. Cancelled when the connection ends or the session takes the request back.
  /// `body` is the request's body as it arrives, with back-pressure; empty where the session sends none.
  func handle(_ request: Request, body: RequestBody, on connection: Connection) async -> Reply

  /// Whether `handle` is run on the connection's event loop, which saves changes of threads where it mostly waits for other
  /// connections. It must never block then. `false` unless a handler says otherwise.
  var handlesOnEventLoop: Bool { get }

  /// Where the bytes of a reply's body come from.
  func source(of body: Body) -> BodySource

  /// Reports what a session tells about itself.
  func report(_ event: Event, on connection: Connection)

  /// The connection has ended; whatever was kept for it can go.
  func ended(_ connection: Connection)

  /// What requests are called in the metrics: few, and constants.
  static var operations: [String] { get }

  /// The place of a request in `operations`; `nil` for what is not counted, such as waiting for something to happen. The driver
  /// takes the time from the request to its reply.
  func operation(of request: Request) -> Int?

  /// What a reply says of how it went.
  func outcome(of reply: Reply) -> OperationOutcome
}

extension RequestHandler {
  public func answer(_ request: Request, on connection: Connection) -> Reply? { nil }
  public func ended(_ connection: Connection) {}
  public static var operations: [String] { [] }
  public func operation(of request: Request) -> Int? { nil }
  public func outcome(of reply: Reply) -> OperationOutcome { .ok }
  public var handlesOnEventLoop: Bool { false }
}

extension RequestHandler where Body == Never {
  public func source(of body: Never) -> BodySource {}
}

/// Where the bytes of a body come from.
public enum BodySource: Sendable {
  /// An open file. It is kept open until its bytes have left.
  case file(OpenFile)
  /// Memory.
  case bytes(ByteBuffer)
}
