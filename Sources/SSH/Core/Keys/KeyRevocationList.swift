import Crypto
import WireKit

/// A key revocation list of OpenSSH (PROTOCOL.krl), as `ssh-keygen -k` writes it: keys and certificates that count no more.
///
/// Signatures over the list are not looked at, as OpenSSH does not either: the file is the administrator's own.
public struct KeyRevocationList: Sendable, Hashable {
  /// Certificates of one authority; `nil` is any.
  struct Certificates: Sendable, Hashable {
    var authority: PublicKey?
    var serials: [ClosedRange<UInt64>] = []
    var identifiers: Set<String> = []
  }

  private(set) var certificates: [Certificates] = []
  private(set) var keys: Set<[UInt8]> = []
  private(set) var sha1: Set<[UInt8]> = []
  private(set) var sha256: Set<[UInt8]> = []

  private static let magic: UInt64 = 0x5353_484B_524C_0A00

  public init() {}

  public init(file: [UInt8]) throws(WireError) {
    let span = file.span.bytes
    var reader = WireReader(span)
    guard try reader.readUInt64("magic") == Self.magic, try reader.readUInt32("format") == 1 else {
      throw WireError(.malformed, "key revocation list")
    }
    // Version, date, flags.
    try reader.skip(24, "header")
    _ = try reader.readString("reserved")
    _ = try reader.readString("comment")
    while !reader.isAtEnd {
      let type = try reader.readUInt8("section type")
      // Signatures are the last sections.
      if type == 4 { return }
      let section = try reader.readStringBytes("section")
      switch type {
      case 1: certificates.append(try Self.certificates(section))
      case 2: keys.formUnion(try Self.strings(section))
      case 3: sha1.formUnion(try Self.strings(section))
      case 5: sha256.formUnion(try Self.strings(section))
      case 255: try Self.checkExtension(section)
      default: throw WireError(.unsupported, "section of a key revocation list")
      }
    }
  }

  private static func strings(_ section: [UInt8]) throws(WireError) -> [[UInt8]] {
    let span = section.span.bytes
    var reader = WireReader(span)
    var strings: [[UInt8]] = []
    while !reader.isAtEnd { strings.append(try reader.readStringBytes("revoked key")) }
    return strings
  }

  private static func certificates(_ section: [UInt8]) throws(WireError) -> Certificates {
    let span = section.span.bytes
    var reader = WireReader(span)
    let authority = try reader.readStringBytes("authority")
    var result = Certificates(authority: authority.isEmpty ? nil : try PublicKey(blob: authority))
    _ = try reader.readString("reserved")
    while !reader.isAtEnd {
      let type = try reader.readUInt8("section type")
      let content = try reader.readStringBytes("section")
      let inner = content.span.bytes
      var part = WireReader(inner)
      switch type {
      case 0x20:
        while !part.isAtEnd {
          let serial = try part.readUInt64("serial")
          result.serials.append(serial...serial)
        }
      case 0x21:
        let (first, last) = (try part.readUInt64("first serial"), try part.readUInt64("last serial"))
        guard first <= last else { throw WireError(.malformed, "range of serials") }
        result.serials.append(first...last)
      case 0x22:
        let first = try part.readUInt64("first serial")
        try appendBits(try part.readMagnitude("bitmap"), from: first, to: &result.serials)
      case 0x23:
        while !part.isAtEnd { result.identifiers.insert(try part.readText("key id")) }
      case 0x39: try checkExtension(content)
      default: throw WireError(.unsupported, "section of a key revocation list")
      }
    }
    return result
  }

  /// The lowest bit is the first serial.
  private static func appendBits(
    _ magnitude: [UInt8], from first: UInt64, to serials: inout [ClosedRange<UInt64>]
  ) throws(WireError) {
    for (index, byte) in magnitude.reversed().enumerated() where byte != 0 {
      for bit in 0..<8 where byte >> bit & 1 != 0 {
        let (serial, overflow) = first.addingReportingOverflow(UInt64(index * 8 + bit))
        guard !overflow else { throw WireError(.outOfBounds, "bitmap of serials") }
        serials.append(serial...serial)
      }
    }
  }

  /// What is not known and critical makes the list useless.
  private static func checkExtension(_ section: [UInt8]) throws(WireError) {
    let span = section.span.bytes
    var reader = WireReader(span)
    _ = try reader.readString("extension name")
    guard try !reader.readBool("critical") else { throw WireError(.unsupported, "critical extension of a list") }
  }

  public func revokes(_ key: PublicKey) -> Bool {
    keys.contains(key.blob) || sha256.contains(HashAlgorithm.sha256.digest(key.blob))
      || sha1.contains(Array(Insecure.SHA1.hash(data: key.blob)))
  }

  /// Whether the certificate, its key or its authority counts no more.
  public func revokes(_ certificate: KeyCertificate) -> Bool {
    if revokes(certificate.key) || revokes(certificate.authority) { return true }
    return certificates.contains { list in
      guard list.authority == nil || list.authority == certificate.authority else { return false }
      // Serial 0 is that of certificates without a number.
      return list.identifiers.contains(certificate.identifier)
        || certificate.serial != 0 && list.serials.contains { $0.contains(certificate.serial) }
    }
  }
}
