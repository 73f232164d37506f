import NIOCore
import NIOPosix
import Synchronization

/// A client that writes what it is told and reads answers by lines and literals.
public final class TestIMAPClient: Sendable {
  /// Why it can't go on.
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  private struct State {
    var bytes: [UInt8] = []
    var isClosed = false
    var lastTag = 0
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let client: Inbox
    init(_ client: Inbox) { self.client = client }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { client.add(unwrapInboundIn(data)) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case ChannelEvent.inputClosed = event { client.close() }
      context.fireUserInboundEventTriggered(event)
    }
    func channelInactive(context: ChannelHandlerContext) { client.close() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  private final class Inbox: Sendable {
    let state = Mutex(State())

    func add(_ buffer: ByteBuffer) { state.withLock { $0.bytes += buffer.readableBytesView } }
    func close() { state.withLock { $0.isClosed = true } }
  }

  private let channel: any Channel
  private let inbox: Inbox

  private init(_ channel: any Channel, _ inbox: Inbox) {
    self.channel = channel
    self.inbox = inbox
  }

  /// Connects and reads the greeting.
  public static func connect(_ server: TestMailServer) async throws -> TestIMAPClient {
    let inbox = Inbox()
    let channel = try await ClientBootstrap(group: TestMailServer.group)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Collector(inbox)) }
      }
      .connect(host: "127.0.0.1", port: server.port).get()
    let client = TestIMAPClient(channel, inbox)
    _ = try await client.line()
    return client
  }

  /// Connects, logs in and opens a mailbox.
  public static func open(
    _ server: TestMailServer, _ name: String = "ann", _ mailbox: String? = "INBOX", enabling: String? = nil
  ) async throws -> TestIMAPClient {
    let client = try await connect(server)
    try await client.expectOK("LOGIN \(name) secret")
    if let enabling { try await client.expectOK("ENABLE \(enabling)") }
    if let mailbox { try await client.expectOK("SELECT \(mailbox)") }
    return client
  }

  public func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }
  public func close() async throws { try await channel.close() }
  public var isClosed: Bool { inbox.state.withLock { $0.isClosed } }

  private func bytes(_ count: Int) async throws -> [UInt8] {
    try await readLoop { bytes in
      guard bytes.count >= count else { return nil }
      defer { bytes.removeFirst(count) }
      return Array(bytes.prefix(count))
    }
  }

  private func rawLine() async throws -> [UInt8] {
    try await readLoop { bytes in
      guard let end = bytes.firstIndex(of: 0x0A) else { return nil }
      defer { bytes.removeFirst(end + 1) }
      return Array(bytes[..<end].dropLast())
    }
  }

  /// Looks every fifth of a millisecond: a test needs nothing faster, and a continuation more would be one more thing to go wrong.
  private func readLoop(_ take: (inout [UInt8]) -> [UInt8]?) async throws -> [UInt8] {
    while true {
      let (found, isClosed) = inbox.state.withLock { state in (take(&state.bytes), state.isClosed) }
      if let found { return found }
      if isClosed { throw Failure(description: "the server closed the connection") }
      try await Task.sleep(for: .microseconds(200))
    }
  }

  /// A response line, with its literals in place.
  public func line() async throws -> String {
    var whole: [UInt8] = []
    while true {
      let part = try await rawLine()
      whole += part
      guard part.last == UInt8(ascii: "}"), let brace = part.lastIndex(of: UInt8(ascii: "{")),
        let count = Int(String(decoding: part[(brace + 1)..<(part.count - 1)], as: UTF8.self))
      else { return String(decoding: whole, as: UTF8.self) }
      whole += try await bytes(count)
    }
  }

  /// What a command was answered with.
  public struct Answer: Sendable {
    public var untagged: [String]
    /// Without the tag: `OK [READ-WRITE] …`.
    public var completion: String
    public var isOK: Bool { completion.hasPrefix("OK") }
    /// Untagged lines that hold a text.
    public func lines(_ text: String) -> [String] { untagged.filter { $0.contains(text) } }
  }

  public func nextTag() -> String {
    inbox.state.withLock { state in
      state.lastTag += 1
      return "t\(state.lastTag)"
    }
  }

  /// Sends a command and reads its answer.
  @discardableResult
  public func command(_ text: String) async throws -> Answer {
    let tag = nextTag()
    try await send("\(tag) \(text)\r\n")
    return try await answer(tag)
  }

  public func answer(_ tag: String) async throws -> Answer {
    var untagged: [String] = []
    while true {
      let line = try await line()
      if line.hasPrefix("\(tag) ") {
        return Answer(untagged: untagged, completion: String(line.dropFirst(tag.utf8.count + 1)))
      }
      untagged.append(line)
    }
  }

  @discardableResult
  public func expectOK(_ text: String) async throws -> Answer {
    let answer = try await command(text)
    guard answer.isOK else { throw Failure(description: "\(text): \(answer.completion)") }
    return answer
  }

  /// Appends a message, by a literal that does not wait.
  @discardableResult
  public func append(_ message: String, to mailbox: String = "INBOX", _ arguments: String = "") async throws -> Answer {
    let space = arguments.isEmpty ? "" : "\(arguments) "
    return try await expectOK("APPEND \(mailbox) \(space){\(message.utf8.count)+}\r\n\(message)")
  }
}
