import DNSClient
import DNSCore
import HTTPClient
import HTTPCore
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
    client.configuration.mixesCase = !server.recurses
    // Who validates decides itself what is wrong.
    client.configuration.checkingDisabled = wantsDNSSEC && server.recurses
    switch server.transport {
    case .udp:
      // Servers from before EDNS answer FORMERR to it (RFC 6891 §7), and know no DNSSEC either.
      let response = try await client.query(question, server: server.endpoint).message
      guard response.responseCode == .formErr, response.edns == nil else { return Self.restored(response, question) }
      client.configuration.edns = nil
      return Self.restored(try await client.query(question, server: server.endpoint).message, question)
    case .tcp, .tls:
      return try await streams.ask(
        question, of: server.endpoint, isSecure: server.transport == .tls, wantsDNSSEC: wantsDNSSEC,
        within: configuration.limits.exchange * 2)
    case .https: return try await askOverHTTPS(question, server, wantsDNSSEC)
    }
  }

  /// The answer with the name as we write it, not in the case that was sent.
  private static func restored(_ message: Message, _ question: Question) -> Message {
    var message = message
    for index in message.answers.indices where message.answers[index].name == question.name {
      message.answers[index].name = question.name
    }
    return message
  }

  /// DNS over HTTPS (RFC 8484 §4.1): one request, its id 0 so that caches on the way may keep the answer.
  private func askOverHTTPS(_ question: Question, _ server: Upstream, _ wantsDNSSEC: Bool) async throws -> Message {
    let request = Message(
      header: Header(id: 0, flags: wantsDNSSEC ? [.recursionDesired, .checkingDisabled] : .recursionDesired),
      questions: [question], edns: EDNS(wantsDNSSEC: wantsDNSSEC))
    let host = server.endpoint.address.family == .v6 ? "[\(server.endpoint.address)]" : "\(server.endpoint.address)"
    guard let url = HTTPURL("https://\(host):\(server.endpoint.port)\(server.path)") else {
      throw ResolutionError.noAnswer
    }
    let client = HTTPClient(
      group: group,
      configuration: .init(
        trustRoots: configuration.trustRoots,
        timeoutSeconds: max(1, configuration.limits.exchange.components.seconds * 2), maximumContent: 65_535))
    var fields = Fields()
    fields.append(.contentType, "application/dns-message")
    fields.append(.accept, "application/dns-message")
    let exchange = try await client.perform(.post, url, fields: fields, content: try request.encoded())
    guard exchange.response.status.code == 200 else { throw ResolutionError.noAnswer }
    let message = try Message.decode(exchange.content)
    guard message.header.flags.contains(.response), message.questions.isEmpty || message.questions == [question] else {
      throw ResolutionError.noAnswer
    }
    return message
  }
}
