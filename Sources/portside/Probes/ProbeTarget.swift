import Foundation
import WireKit

/// The parts of a probe's URL: `scheme://host[:port]/a/b`.
struct ProbeTarget: Sendable {
  let url: String
  /// A name or an address, without brackets.
  let host: String
  let port: UInt16
  /// What stands behind the host, cut at slashes.
  let path: [String]

  init(_ url: String, standardPort: UInt16) throws {
    self.url = url
    guard let start = url.firstRange(of: "://")?.upperBound else { throw CommandFailure("'\(url)' is no URL") }
    let parts = url[start...].split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    guard let authority = parts.first else { throw CommandFailure("'\(url)' names no server") }
    path = Array(parts.dropFirst())
    if let endpoint = Endpoint(authority) {
      (host, port) = (endpoint.address.description, endpoint.port)
      return
    }
    if authority.hasPrefix("["), authority.hasSuffix("]") {
      (host, port) = (String(authority.dropFirst().dropLast()), standardPort)
      return
    }
    let halves = authority.split(separator: ":", maxSplits: 1).map(String.init)
    guard halves.count == 2, IPAddress(authority) == nil else {
      (host, port) = (authority, standardPort)
      return
    }
    guard let number = UInt16(halves[1]), number > 0 else { throw CommandFailure("'\(halves[1])' is no port") }
    (host, port) = (halves[0], number)
  }

  /// The first address of the host.
  func endpoint() throws -> Endpoint {
    if let address = IPAddress(host) { return Endpoint(address, port) }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard status == 0, let first = list?.pointee,
      getnameinfo(first.ai_addr, first.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0,
      let address = IPAddress(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    else { throw CommandFailure("no address for '\(host)': \(String(cString: gai_strerror(status)))") }
    return Endpoint(address, port)
  }
}
