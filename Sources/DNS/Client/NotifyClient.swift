import DNSCore
import NIOCore
import WireKit

/// Tells a secondary that a zone has changed (RFC 1996), until it answers.
public struct NotifyClient: Sendable {
  private let group: any EventLoopGroup
  /// How long is waited for each answer, one attempt after the other (§3.6).
  public var patience: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16)]

  public init(group: any EventLoopGroup) { self.group = group }

  /// Returns the secondary's answer. Throws when none came, or none that is signed as it must be.
  public func notify(_ soa: ResourceRecord, _ secondary: Endpoint, key: TSIGKey? = nil) async throws -> ResponseCode {
    var lastError: any Error = DNSClientError.timeout
    for limit in patience {
      do {
        return try await attempt(soa, secondary, key, within: limit)
      } catch DNSClientError.timeout {
        lastError = DNSClientError.timeout
      } catch let error as DNSClientError {
        // Nobody listens there yet: it may come up.
        lastError = error
        try await Task.sleep(for: limit)
      }
    }
    throw lastError
  }

  private func attempt(
    _ soa: ResourceRecord, _ secondary: Endpoint, _ key: TSIGKey?, within limit: Duration
  ) async throws -> ResponseCode {
    let id = UInt16.random(in: .min ... .max)
    let question = Question(soa.name, .soa)
    let message = Message(
      header: Header(id: id, flags: .authoritative, opcode: .notify), questions: [question], answers: [soa])
    return try await DatagramExchange(group: group, server: secondary, key: key).send(
      message, ExpectedReply(id: id, question: question), within: limit)
  }
}
