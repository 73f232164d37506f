import DNSClient
import DNSCore
import NIOCore
import WireKit

/// Questions over the network.
struct NetworkExchange: UpstreamExchange {
  private let configuration: ResolverConfiguration
  private let group: any EventLoopGroup
  private let streams: StreamForwarding

  init(_ configuration: ResolverConfiguration, group: any EventLoopGroup) {
    self.configuration = configuration
    self.group = group
    streams = StreamForwarding(group: group, trustRoots: configuration.trustRoots)
  }

  func ask(_ question: Question, of server: Upstream, wantsDNSSEC: Bool) async throws -> Message {
    var client = DNSClient(group: group)
    client.configuration.timeout = configuration.limits.exchange
    client.configuration.attempts = 1
    client.configuration.recursionDesired = server.recurses
    client.configuration.edns = EDNS(wantsDNSSEC: wantsDNSSEC)
    // Who validates decides itself what is wrong.
    client.configuration.checkingDisabled = wantsDNSSEC && server.recurses
    switch server.transport {
    case .udp:
      // Servers from before EDNS answer FORMERR to it (RFC 6891 §7), and know no DNSSEC either.
      let response = try await client.query(question, server: server.endpoint).message
      guard response.responseCode == .formErr, response.edns == nil else { return response }
      client.configuration.edns = nil
      return try await client.query(question, server: server.endpoint).message
    case .tcp, .tls:
      return try await streams.ask(
        question, of: server.endpoint, isSecure: server.transport == .tls, wantsDNSSEC: wantsDNSSEC,
        within: configuration.limits.exchange * 2)
    }
  }
}
