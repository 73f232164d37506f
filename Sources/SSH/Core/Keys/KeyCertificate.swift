import WireKit

/// An OpenSSH certificate of a key (PROTOCOL.certkeys): an authority's word on whose key it is, for what and how long.
///
/// The authority's signature has been verified when there is a value; whether the authority is trusted is the caller's matter.
public struct KeyCertificate: Sendable, Hashable {
  public enum Kind: UInt32, Sendable, Hashable {
    case user = 1
    case host = 2
  }

  /// The whole as it travels.
  public let blob: [UInt8]
  /// The key that it is about.
  public let key: PublicKey
  public let serial: UInt64
  public let kind: Kind
  /// What the authority calls it, for logs.
  public let identifier: String
  /// Names that it holds for. An empty list would mean every name, which nobody should be asked to believe.
  public let principals: [String]
  /// Seconds since 1970: from the first up to, and not with, the second.
  public let validAfter: UInt64
  public let validBefore: UInt64
  public let criticalOptions: [Option]
  public let extensions: [Option]
  public let authority: PublicKey

  public struct Option: Sendable, Hashable {
    public var name: String
    public var value: [UInt8]
  }

  static let suffix = "-cert-v01@openssh.com"

  /// Entries of a list in a certificate.
  private static let maximumEntries = 256

  /// The algorithm of signatures by the key of a certificate with this name: `ssh-ed25519` for
  /// `ssh-ed25519-cert-v01@openssh.com`; `nil` for names of no certificate.
  static func plainAlgorithm(_ name: String) -> String? {
    guard name.hasSuffix(suffix) else { return nil }
    let plain = String(name.dropLast(suffix.count))
    // Keys in tokens have the domain in their plain name, too.
    return plain.hasPrefix("sk-") ? plain + "@openssh.com" : plain
  }

  /// The other way round, for algorithms of host keys.
  static func algorithm(_ plain: String) -> String { plain + suffix }

  /// From a line of a file that `ssh-keygen -s` has made: type, Base64, remark.
  public init?(line: String) {
    let words = line.split(separator: " ", omittingEmptySubsequences: true)
    guard words.count >= 2, let blob = Base64.decode(words[1].utf8), let certificate = try? KeyCertificate(blob: blob)
    else {
      return nil
    }
    self = certificate
  }

  public init(blob: [UInt8]) throws(WireError) {
    self.blob = blob
    let span = blob.span.bytes
    var reader = WireReader(span)
    guard let type = Self.plainAlgorithm(try reader.readText("certificate type")) else {
      throw WireError(.unsupported, "certificate type")
    }
    _ = try reader.readString("nonce")
    key = try PublicKey(blob: try Self.keyBlob(type, &reader))
    serial = try reader.readUInt64("serial")
    guard let kind = Kind(rawValue: try reader.readUInt32("certificate kind")) else {
      throw WireError(.malformed, "certificate kind")
    }
    self.kind = kind
    identifier = try reader.readText("key id")
    principals = try Self.principals(try reader.readStringBytes("valid principals"))
    validAfter = try reader.readUInt64("valid after")
    validBefore = try reader.readUInt64("valid before")
    criticalOptions = try Self.options(try reader.readStringBytes("critical options"))
    extensions = try Self.options(try reader.readStringBytes("extensions"))
    _ = try reader.readString("reserved")
    authority = try PublicKey(blob: try reader.readStringBytes("signature key"))
    let signed = span.extracting(0..<reader.offset).copied()
    let signature = try reader.readStringBytes("signature")
    guard reader.isAtEnd, Self.isSigned(signed, signature, by: authority) else {
      throw WireError(.malformed, "certificate signature")
    }
  }

  /// RSA authorities sign by SHA-2; with SHA-1 never.
  private static func isSigned(_ data: [UInt8], _ signature: [UInt8], by authority: PublicKey) -> Bool {
    SignatureAlgorithm.table.contains { row in
      row.keyType == authority.type && authority.isValid(signature, for: data, algorithm: row.name)
    }
  }

  /// The key's own fields, put together as a plain key.
  private static func keyBlob(_ type: String, _ reader: inout WireReader) throws(WireError) -> [UInt8] {
    let fields =
      switch type {
      case "ssh-ed25519": 1
      case "ssh-rsa", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521":
        2
      case "sk-ecdsa-sha2-nistp256@openssh.com": 3
      default: 0
      }
    guard fields > 0 else { throw WireError(.unsupported, "certificate type") }
    var blob: [UInt8] = []
    blob.appendString(type)
    for _ in 0..<fields { blob.appendString(try reader.readStringBytes("key")) }
    return blob
  }

  private static func principals(_ bytes: [UInt8]) throws(WireError) -> [String] {
    let span = bytes.span.bytes
    var reader = WireReader(span)
    var names: [String] = []
    while !reader.isAtEnd {
      guard names.count < maximumEntries else { throw WireError(.tooLong, "valid principals") }
      names.append(try reader.readText("principal"))
    }
    return names
  }

  private static func options(_ bytes: [UInt8]) throws(WireError) -> [Option] {
    let span = bytes.span.bytes
    var reader = WireReader(span)
    var options: [Option] = []
    while !reader.isAtEnd {
      guard options.count < maximumEntries else { throw WireError(.tooLong, "certificate options") }
      options.append(Option(name: try reader.readText("option"), value: try reader.readStringBytes("option value")))
    }
    return options
  }

  /// What the critical options and extensions come to, in the form of `authorized_keys`; `nil` when there is a critical option
  /// that is not understood. What no extension permits is not permitted.
  public var restrictions: String? {
    var words = ["restrict"]
    for option in extensions {
      switch option.name {
      case "permit-pty": words.append("pty")
      case "permit-port-forwarding": words.append("port-forwarding")
      case "permit-agent-forwarding": words.append("agent-forwarding")
      case "permit-X11-forwarding": words.append("X11-forwarding")
      case "permit-user-rc": words.append("user-rc")
      default: break
      }
    }
    for option in criticalOptions {
      let span = option.value.span.bytes
      var reader = WireReader(span)
      guard let value = try? reader.readText("option value"), reader.isAtEnd, !value.contains("\""),
        !value.contains("\\")
      else { return nil }
      switch option.name {
      case "force-command": words.append("command=\"\(value)\"")
      case "source-address": words.append("from=\"\(value)\"")
      default: return nil
      }
    }
    return words.joined(separator: ",")
  }
}
