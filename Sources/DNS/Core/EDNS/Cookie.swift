/// A DNS cookie (RFC 7873 §4): eight octets of the client, and eight to 32 of the server once it has answered.
public struct Cookie: Hashable, Sendable {
  public let client: [UInt8]
  public let server: [UInt8]

  /// `nil` when the lengths are not those of RFC 7873.
  public init?(client: [UInt8], server: [UInt8] = []) {
    guard client.count == 8, server.isEmpty || (8...32).contains(server.count) else { return nil }
    self.client = client
    self.server = server
  }

  /// The cookie of an option; `nil` for another option or wrong lengths, which deserve FORMERR (§5.2.2).
  public init?(_ option: EDNSOption) {
    guard option.code == EDNSOption.cookie, option.data.count >= 8 else { return nil }
    self.init(client: Array(option.data.prefix(8)), server: Array(option.data.dropFirst(8)))
  }

  public var option: EDNSOption { EDNSOption(code: EDNSOption.cookie, data: client + server) }
}
