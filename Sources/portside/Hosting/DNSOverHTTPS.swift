import Configuration
import DNSClient
import DNSCore
import Foundation
import HTTPCore
import HTTPServer
import NIOCore
import NIOPosix
import Synchronization
import Transport
import WireKit

/// DNS over HTTPS (RFC 8484): takes queries by GET and POST, and has the worker `names` answer them.
///
/// Who may ask for names outside of our zones is seen to here: a query of anybody else loses its RD bit.
final class DNSOverHTTPS: SiteHandler {
  static let path = "/dns-query"
  private static let mediaType = "application/dns-message"

  private let relay: DNSRelay
  private let networks: Mutex<[IPNetwork]>

  init(path: String, _ section: DNSSection, group: any EventLoopGroup) {
    relay = DNSRelay(path: path, group: group)
    networks = Mutex(section.recursion)
  }

  /// Whether it is served: DNS and HTTPS both run.
  static func isWanted(_ configuration: PortsideConfiguration) -> Bool {
    configuration.dns.overHTTPS && configuration.dns.isActive && configuration.http.isActive
      && configuration.http.tlsPort != .off
  }

  func apply(_ section: DNSSection) { networks.withLock { $0 = section.recursion } }

  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    // A query is as private as what it is for; over plain HTTP there is no such service.
    guard connection.isEncrypted else { return Pages.error(.notFound) }
    guard request.path == Self.path else { return Pages.error(.notFound) }
    var query: [UInt8]
    switch request.method {
    case .get, .head:
      guard let octets = Self.query(of: request) else { return Pages.error(.badRequest) }
      query = octets
    case .post:
      guard request.fields[.contentType]?.lowercased() == Self.mediaType else {
        return Pages.error(.unsupportedMediaType)
      }
      guard let octets = await Self.content(body) else { return Pages.error(.contentTooLarge) }
      query = octets
    default:
      var fields = Fields()
      fields.append(.allow, "GET, HEAD, POST" as StaticString)
      return Pages.error(.methodNotAllowed, fields: fields)
    }
    guard query.count >= Header.wireLength else { return Pages.error(.badRequest) }
    let mayRecurse = networks.withLock { networks in
      networks.contains { $0.contains(connection.peer.address) }
    }
    if !mayRecurse { query[2] &= ~1 }
    guard let reply = try? await relay.ask(query) else { return Pages.error(.badGateway) }
    return Self.reply(reply)
  }

  /// `?dns=` in base64url without padding (§4.1).
  private static func query(of request: HTTPRequest) -> [UInt8]? {
    guard let parameter = request.query?.split(separator: "&").first(where: { $0.hasPrefix("dns=") }) else {
      return nil
    }
    var text = String(parameter.dropFirst(4)).replacing("-", with: "+").replacing("_", with: "/")
    guard text.utf8.count <= 8_192, !text.contains("=") else { return nil }
    text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    return Data(base64Encoded: text).map { Array($0) }
  }

  private static func content(_ body: RequestBody) async -> [UInt8]? {
    var octets: [UInt8] = []
    do {
      for try await chunk in body {
        octets += Array(buffer: chunk)
        if octets.count > 65_535 { return nil }
      }
    } catch { return nil }
    return octets
  }

  /// Fresh for as long as the shortest of its records (§5.1).
  private static func reply(_ octets: [UInt8]) -> HTTPReply {
    var fields = Fields()
    fields.append(.contentType, mediaType)
    let message = try? Message.decode(octets)
    let records = (message?.answers ?? []) + (message?.authorities ?? [])
    fields.append(.cacheControl, "max-age=\(records.map(\.ttl).min() ?? 0)")
    return HTTPReply(.ok, fields: fields, content: .bytes(octets))
  }
}

/// A connection to the worker `names`, opened when it is needed, with many queries on it at once.
final class DNSRelay: Sendable {
  private struct State {
    var channel: (any Channel)?
    var waiting: [UInt16: (id: [UInt8], promise: EventLoopPromise<[UInt8]>)] = [:]
  }

  enum Failure: Error { case ended, tooMany, tooLate }

  private let path: String
  private let group: any EventLoopGroup
  private let state = Mutex(State())

  init(path: String, group: any EventLoopGroup) {
    self.path = path
    self.group = group
  }

  /// The reply to a query, with its id. The query has 12 octets at least.
  func ask(_ query: [UInt8]) async throws -> [UInt8] {
    let channel = try await connected()
    let promise = channel.eventLoop.makePromise(of: [UInt8].self)
    guard let number = enter(Array(query[0..<2]), promise) else {
      promise.fail(Failure.tooMany)
      throw Failure.tooMany
    }
    let expiry = channel.eventLoop.scheduleTask(in: .seconds(12)) { promise.fail(Failure.tooLate) }
    defer {
      expiry.cancel()
      state.withLock { $0.waiting[number] = nil }
    }
    var buffer = channel.allocator.buffer(capacity: query.count + 2)
    buffer.writeInteger(UInt16(clamping: query.count))
    buffer.writeInteger(number)
    buffer.writeBytes(query[2...])
    channel.writeAndFlush(buffer).whenFailure { promise.fail($0) }
    return try await promise.futureResult.get()
  }

  private func connected() async throws -> any Channel {
    if let channel = state.withLock({ $0.channel }), channel.isActive { return channel }
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            MessageStreamHandler { [self] reply in
              take(reply)
            } ended: { [self] _ in
              ended()
            })
        }
      }
      .connect(unixDomainSocketPath: path).get()
    state.withLock { $0.channel = channel }
    return channel
  }

  private func enter(_ id: [UInt8], _ promise: EventLoopPromise<[UInt8]>) -> UInt16? {
    state.withLock { state in
      for _ in 0..<32 {
        let number = UInt16.random(in: .min ... .max)
        guard state.waiting[number] == nil else { continue }
        state.waiting[number] = (id, promise)
        return number
      }
      return nil
    }
  }

  private func take(_ reply: [UInt8]) {
    guard reply.count >= Header.wireLength else { return }
    let number = UInt16(reply[0]) << 8 | UInt16(reply[1])
    guard let entry = state.withLock({ $0.waiting.removeValue(forKey: number) }) else { return }
    entry.promise.succeed(entry.id + reply[2...])
  }

  private func ended() {
    let waiting = state.withLock { state in
      defer { state = State() }
      return state.waiting
    }
    for entry in waiting.values { entry.promise.fail(Failure.ended) }
  }
}
