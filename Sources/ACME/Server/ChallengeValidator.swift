import ACMECore
import HTTPClient
import HTTPCore
import NIOCore

/// Looks whether a client controls a name.
public protocol ChallengeValidator: Sendable {
  /// Returns when `http://NAME:PORT/.well-known/acme-challenge/TOKEN` says what is expected.
  func validate(name: String, token: String, expected: String, port: UInt16) async throws(ACMEProblem)
}

/// By our own HTTP client (RFC 8555 §8.3). Redirects are not followed: inside one organisation there is no need to.
public struct HTTPValidator: ChallengeValidator {
  private let client: HTTPClient

  public init(group: any EventLoopGroup) {
    client = HTTPClient(
      group: group, configuration: .init(versions: .http11, timeoutSeconds: 10, maximumContent: 4096))
  }

  public func validate(name: String, token: String, expected: String, port: UInt16) async throws(ACMEProblem) {
    guard let url = HTTPURL("http://\(name)\(port == 80 ? "" : ":\(port)")/.well-known/acme-challenge/\(token)") else {
      throw ACMEProblem("malformed", "the name makes no URL")
    }
    let exchange: HTTPExchange
    do { exchange = try await client.get(url) } catch {
      throw ACMEProblem("connection", "\(name) could not be asked on port \(port)")
    }
    guard exchange.response.status == .ok else {
      throw ACMEProblem("unauthorized", "\(name) answered by \(exchange.response.status.code)", status: 403)
    }
    var content = exchange.content[...]
    while let last = content.last, last == 0x0A || last == 0x0D || last == 0x20 { content.removeLast() }
    guard content.elementsEqual(expected.utf8) else {
      throw ACMEProblem("unauthorized", "\(name) answered with another content", status: 403)
    }
  }
}
