import WireKit

/// The arguments that name the far end of a data connection (RFC 959 §4.1.2, RFC 2428).
public enum FTPHostPort {
  /// `192,168,10,5,195,80` of PORT.
  public static func parsePort(_ text: String) -> Endpoint? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 6 else { return nil }
    var octets: [UInt8] = []
    for part in parts {
      guard let number = FTPText.number(part.filter { $0 != " " }), let octet = UInt8(exactly: number) else {
        return nil
      }
      octets.append(octet)
    }
    return Endpoint(
      IPAddress(octets[0], octets[1], octets[2], octets[3]), UInt16(octets[4]) << 8 | UInt16(octets[5]))
  }

  /// What EPRT may be wrong about: the form, or the family (522).
  public enum Refusal: Error, Hashable, Sendable {
    case malformed, unknownFamily
  }

  /// `|1|132.235.1.2|6275|` of EPRT; the delimiter may be any printable character.
  public static func parseExtendedPort(_ text: String) throws(Refusal) -> Endpoint {
    guard let delimiter = text.first, delimiter.asciiValue.map({ (33...126).contains($0) }) == true else {
      throw .malformed
    }
    let parts = text.split(separator: delimiter, omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0].isEmpty, parts[4].isEmpty, let family = FTPText.number(parts[1]) else {
      throw .malformed
    }
    guard family == 1 || family == 2 else { throw .unknownFamily }
    guard let address = IPAddress(String(parts[2])), (address.family == .v4) == (family == 1),
      let number = FTPText.number(parts[3]), let port = UInt16(exactly: number)
    else { throw .malformed }
    return Endpoint(address, port)
  }

  /// `192,168,10,5,195,80`; `nil` for an IPv6 address, which PASV can't tell.
  public static func portArgument(_ endpoint: Endpoint) -> String? {
    guard endpoint.address.family == .v4 else { return nil }
    return (endpoint.address.octets + [UInt8(endpoint.port >> 8), UInt8(endpoint.port & 255)]).map(String.init)
      .joined(separator: ",")
  }

  /// `|1|132.235.1.2|6275|`
  public static func extendedPortArgument(_ endpoint: Endpoint) -> String {
    "|\(endpoint.address.family == .v4 ? 1 : 2)|\(endpoint.address)|\(endpoint.port)|"
  }

  /// The six numbers in the text of a 227 reply, wherever they stand (RFC 1123 §4.1.2.6).
  public static func parsePassiveReply(_ text: String) -> Endpoint? {
    for start in text.indices where text[start].isNumber {
      if start > text.startIndex, text[text.index(before: start)].isNumber { continue }
      let run = text[start...].prefix { $0.isNumber || $0 == "," }
      if let endpoint = parsePort(String(run)) { return endpoint }
    }
    return nil
  }

  /// The port in the text of a 229 reply: `Entering Extended Passive Mode (|||6446|)`.
  public static func parseExtendedPassiveReply(_ text: String) -> UInt16? {
    guard let open = text.lastIndex(of: "("), let close = text[open...].firstIndex(of: ")") else { return nil }
    let inner = text[text.index(after: open)..<close]
    guard let delimiter = inner.first else { return nil }
    let parts = inner.split(separator: delimiter, omittingEmptySubsequences: false)
    guard parts.count == 5, let number = FTPText.number(parts[3]) else { return nil }
    return UInt16(exactly: number).flatMap { $0 == 0 ? nil : $0 }
  }
}
