import DNSCore
import NIOCore
import WireKit

/// Sends updates to a server (RFC 2136), signed where there is a key (RFC 8945).
public struct UpdateClient: Sendable {
  private let group: any EventLoopGroup
  /// How long is waited for each answer, one attempt after the other (RFC 2136 §4).
  public var patience: [Duration] = [.seconds(1), .seconds(2), .seconds(4)]

  public init(group: any EventLoopGroup) { self.group = group }

  /// Sends one update and returns what became of it. The message gets an id of its own; what came of an attempt whose answer was lost is
  /// for the prerequisites to tell.
  public func send(_ update: Message, to server: Endpoint, key: TSIGKey? = nil) async throws -> ResponseCode {
    var lastError: any Error = DNSClientError.timeout
    for limit in patience {
      do {
        return try await attempt(update, server, key, within: limit)
      } catch DNSClientError.timeout {
        lastError = DNSClientError.timeout
      }
    }
    throw lastError
  }

  /// Carries a registration through to its end.
  public func run(
    _ registration: NameRegistration, at server: Endpoint, key: TSIGKey? = nil
  ) async throws -> NameRegistration.Step {
    var registration = registration
    var step = registration.next()
    while case .send(let message) = step {
      step = registration.next(after: try await send(message, to: server, key: key))
    }
    return step
  }

  private func attempt(
    _ update: Message, _ server: Endpoint, _ key: TSIGKey?, within limit: Duration
  ) async throws -> ResponseCode {
    var update = update
    update.header.id = UInt16.random(in: .min ... .max)
    guard let zone = update.questions.first else { return .formErr }
    var expected = ExpectedReply(id: update.header.id, question: zone)
    expected.mayOmitQuestion = true
    return try await DatagramExchange(group: group, server: server, key: key).send(update, expected, within: limit)
  }
}
