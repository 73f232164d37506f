import DNSCore
import WireKit

/// One question to one server: the network of a resolver, so that tests can put another in its place.
protocol UpstreamExchange: Sendable {
  /// Asks, and waits for the answer. Throws when there is none in time, or none that belongs to the question.
  func ask(_ question: Question, of server: Upstream, wantsDNSSEC: Bool) async throws -> Message
}

/// A server that a resolver asks.
struct Upstream: Sendable, Hashable {
  var endpoint: Endpoint
  var transport: Forwarder.Transport
  /// Whether it shall go and ask others itself.
  var recurses: Bool
  /// Of the URL, for DNS over HTTPS.
  var path = ""
}

/// Why a question has no answer.
enum ResolutionError: Error, Hashable {
  /// The bounds of one question's cost are met.
  case tooExpensive
  /// No server gave an answer of use.
  case noAnswer
  case tooLate
  /// A policy wants silence.
  case dropped
}
