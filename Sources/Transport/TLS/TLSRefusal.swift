/// Why a TLS handshake is not even begun.
public enum TLSRefusal: Error, Sendable, Hashable {
  /// The first bytes are no ClientHello.
  case notTLS
  /// The client speaks none of the listener's protocols: perhaps it was led here from another service (ALPACA).
  case foreignApplicationProtocol([String])
  /// We have no certificate for the name that the client asks for.
  case foreignServerName(String)
  /// There is no certificate for this service at all.
  case noCertificate

  /// The fatal alert that tells the peer (RFC 8446 §6), as a whole record; nothing for those that don't speak TLS.
  var record: [UInt8] {
    switch self {
    case .notTLS: []
    case .foreignApplicationProtocol: Self.alert(120)
    case .foreignServerName: Self.alert(112)
    case .noCertificate: Self.alert(40)
    }
  }

  private static func alert(_ description: UInt8) -> [UInt8] { [21, 3, 3, 0, 2, 2, description] }
}
