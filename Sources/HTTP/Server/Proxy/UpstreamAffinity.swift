import HTTPCore

/// Which upstream a client has had before, by a cookie that names it without showing its address.
struct UpstreamAffinity: Sendable {
  static let cookieName = "portside-upstream"

  /// By position.
  private let names: [String]

  init(_ upstreams: [ProxyConfiguration.Upstream]) {
    names = upstreams.map { upstream in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in (upstream.socket ?? upstream.authority + upstream.path).utf8 {
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
      }
      return String(hash, radix: 36)
    }
  }

  /// The upstream that the request's cookie names; `nil` when it has none, or one that is no more.
  func upstream(of request: HTTPRequest) -> Int? {
    for value in request.fields.values(.cookie) {
      for pair in value.split(separator: ";") {
        let parts = pair.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == Self.cookieName else { continue }
        if let index = names.firstIndex(of: String(parts[1])) { return index }
      }
    }
    return nil
  }

  func cookie(_ index: Int, isSecure: Bool) -> String {
    "\(Self.cookieName)=\(names[index]); Path=/; HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
  }
}
