import HTTPCore
import Transport
import WireKit

/// The fields of messages that pass through the proxy (RFC 9110 §7.6).
enum ProxyFields {
  /// Those of a request, as the upstream gets them.
  static func request(_ request: HTTPRequest, on connection: Connection, trusted: [IPNetwork]) -> Fields {
    var fields = Fields()
    let named = connectionOptions(request.fields)
    let isTrusted = trusted.contains { $0.contains(connection.peer.address) }
    var forwardedFor: [String] = []
    for index in 0..<request.fields.count {
      let (known, name) = (request.fields.knownName(at: index), request.fields.name(at: index))
      switch known {
      // Each hop has its own, or the session writes it.
      case _ where isHopByHop(known) || named.contains(name.lowercased()): continue
      case .host, .contentLength, .expect: continue
      // What we have judged ourselves, nobody behind us needs to see.
      case .authorization where request.account != nil: continue
      case .other where !isTrusted && ["remote-user", "x-forwarded-prefix"].contains(name.lowercased()): continue
      case .xForwardedFor:
        if isTrusted { forwardedFor.append(request.fields.value(at: index)) }
        continue
      case .xForwardedProto, .xForwardedHost, .forwarded:
        if !isTrusted { continue }
      default: break
      }
      fields.append(name, request.fields.value(at: index))
    }
    let peer = connection.peer.address
    fields.append(.xForwardedFor, (forwardedFor + [peer.description]).joined(separator: ", "))
    if !fields.contains(.xForwardedProto) { fields.append(.xForwardedProto, request.isSecure ? "https" : "http") }
    if !fields.contains(.xForwardedHost), !request.host.isEmpty {
      fields.append(.xForwardedHost, authority(request))
    }
    fields.append(.via, "1.1 portside" as StaticString)
    // What was taken off the path, for those who make URLs of their own.
    if !request.base.isEmpty {
      fields.remove(named: "X-Forwarded-Prefix")
      fields.append("X-Forwarded-Prefix", request.base)
    }
    if let account = request.account {
      fields.remove(named: "Remote-User")
      fields.append("Remote-User", account)
    }
    return fields
  }

  /// The fields of early hints (RFC 8297): what the client may begin to fetch, and nothing else.
  static func hints(_ head: ResponseHead) -> Fields {
    var fields = Fields()
    for value in head.fields.values(.link) { fields.append(.link, value) }
    return fields
  }

  /// Those of a response, as the client gets them. `rewriting`: what the upstream calls itself, and what we call it.
  static func response(_ head: ResponseHead, rewriting: (from: String, to: String)?) -> Fields {
    var fields = Fields()
    let named = connectionOptions(head.fields)
    let isUpgrade = head.status == .switchingProtocols
    for index in 0..<head.fields.count {
      let (known, name) = (head.fields.knownName(at: index), head.fields.name(at: index))
      if known == .upgrade, isUpgrade {
        fields.append(name, head.fields.value(at: index))
        continue
      }
      guard !isHopByHop(known), !named.contains(name.lowercased()), known != .contentLength else { continue }
      var value = head.fields.value(at: index)
      if known == .location, let rewriting, value.hasPrefix(rewriting.from) {
        let rest = value.dropFirst(rewriting.from.count)
        if rest.isEmpty || rest.hasPrefix("/") { value = rewriting.to + rest }
      }
      fields.append(name, value)
    }
    return fields
  }

  /// The host that the client asked for, with its port where one was given.
  static func authority(_ request: HTTPRequest) -> String {
    let host = request.host
    let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    return request.port == 0 ? name : "\(name):\(request.port)"
  }

  /// What `Connection` names belongs to the hop as well.
  private static func connectionOptions(_ fields: Fields) -> Set<String> {
    guard let options = fields.combined(.connection) else { return [] }
    return Set(options.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init))
  }

  private static func isHopByHop(_ name: FieldName) -> Bool {
    switch name {
    case .connection, .keepAlive, .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .te, .trailer,
      .transferEncoding, .upgrade, .http2Settings:
      true
    default: false
    }
  }
}
