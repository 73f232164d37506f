import HTTPClient
import NIOCore
import SMTPClient
import SMTPCore
import SMTPServer
import WireKit

/// Fetches MTA-STS policies (RFC 8461 §3.3): over HTTPS with a certificate of the system's authorities, from where our
/// resolver says that the host is. Redirects are not followed.
struct HTTPSPolicyFetcher: MTASTSFetcher {
  enum Failure: Error { case noAddress, refused(UInt16), noText }

  let resolver: any MailResolver
  let group: any EventLoopGroup

  func policy(of domain: String) async throws -> String {
    let host = "mta-sts.\(domain)"
    guard let url = HTTPURL("https://\(host)/.well-known/mta-sts.txt") else { throw Failure.noAddress }
    var failure: any Error = Failure.noAddress
    for address in try await resolver.addresses(of: host).prefix(4) {
      var configuration = HTTPClient.Configuration(timeoutSeconds: 30, maximumContent: MTASTSPolicy.maximumSize)
      configuration.endpoint = Endpoint(address, 443)
      do {
        let exchange = try await HTTPClient(group: group, configuration: configuration).get(url)
        guard exchange.response.status.code == 200 else {
          throw Failure.refused(UInt16(exchange.response.status.code))
        }
        guard let text = String(validating: exchange.content, as: UTF8.self) else { throw Failure.noText }
        return text
      } catch { failure = error }
    }
    throw failure
  }
}
