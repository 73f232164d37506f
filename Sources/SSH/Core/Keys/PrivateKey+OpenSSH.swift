import Crypto
import WireKit
import _CryptoExtras

/// The file format of OpenSSH's private keys (PROTOCOL.key), without a pass phrase.
extension PrivateKey {
  private static let magic = Array("openssh-key-v1\0".utf8)
  private static let header = "-----BEGIN OPENSSH PRIVATE KEY-----"
  private static let footer = "-----END OPENSSH PRIVATE KEY-----"

  /// Reads a key file. One with a pass phrase is `.unsupported`.
  public init(openSSHFile file: [UInt8]) throws {
    let lines = file.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
    guard let first = lines.firstIndex(where: { $0.elementsEqual(Self.header.utf8) }),
      let last = lines.firstIndex(where: { $0.elementsEqual(Self.footer.utf8) }), first < last,
      let bytes = Base64.decode(lines[(first + 1)..<last].joined())
    else { throw WireError(.malformed, "OpenSSH private key") }
    let span = bytes.span.bytes
    var reader = WireReader(span)
    guard try reader.readBytes(Self.magic.count, "magic") == Self.magic else {
      throw WireError(.malformed, "OpenSSH private key")
    }
    guard try reader.readText("cipher") == "none" else {
      throw WireError(.unsupported, "a private key with a pass phrase")
    }
    _ = try reader.readString("kdf")
    _ = try reader.readString("kdf options")
    guard try reader.readUInt32("number of keys") == 1 else { throw WireError(.unsupported, "number of keys") }
    _ = try reader.readString("public key")
    let section = try reader.readStringBytes("private section")
    try self.init(section: section)
  }

  private init(section: [UInt8]) throws {
    let span = section.span.bytes
    var reader = WireReader(span)
    guard try reader.readUInt32("check") == reader.readUInt32("check") else {
      throw WireError(.malformed, "private key check")
    }
    switch try reader.readText("key type") {
    case "ssh-ed25519":
      _ = try reader.readString("public key")
      let both = try reader.readStringBytes("private key")
      guard both.count == 64 else { throw WireError(.malformed, "private key") }
      try self.init(.ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: Array(both.prefix(32)))))
    case "ecdsa-sha2-nistp256":
      try self.init(.p256(try P256.Signing.PrivateKey(rawRepresentation: Self.scalar(&reader, 32))))
    case "ecdsa-sha2-nistp384":
      try self.init(.p384(try P384.Signing.PrivateKey(rawRepresentation: Self.scalar(&reader, 48))))
    case "ecdsa-sha2-nistp521":
      try self.init(.p521(try P521.Signing.PrivateKey(rawRepresentation: Self.scalar(&reader, 66))))
    case "ssh-rsa":
      let (n, e) = (try reader.readMagnitude("n"), try reader.readMagnitude("e"))
      let d = try reader.readMagnitude("d")
      _ = try reader.readMagnitude("iqmp")
      let (p, q) = (try reader.readMagnitude("p"), try reader.readMagnitude("q"))
      try self.init(.rsa(try _RSA.Signing.PrivateKey(n: n, e: e, d: d, p: p, q: q)))
    default: throw WireError(.unsupported, "key type")
    }
  }

  private static func scalar(_ reader: inout WireReader, _ size: Int) throws(WireError) -> [UInt8] {
    _ = try reader.readString("curve")
    _ = try reader.readString("point")
    let scalar = try reader.readMagnitude("scalar")
    guard scalar.count <= size else { throw WireError(.malformed, "scalar") }
    return [UInt8](repeating: 0, count: size - scalar.count) + scalar
  }

  /// The key as a file that OpenSSH reads. Whoever stores it must keep it secret (mode 0600).
  public func openSSHFile(comment: String = "") -> [UInt8] {
    var section: [UInt8] = []
    let check = [UInt8].random(4)
    section += check + check
    appendPrivate(to: &section)
    section.appendString(comment)
    var pad: UInt8 = 0
    while section.count % 8 != 0 {
      pad += 1
      section.append(pad)
    }
    var file = Self.magic
    for text in ["none", "none", ""] { file.appendString(text) }
    file.appendInteger(UInt32(1))
    file.appendString(publicKey.blob)
    file.appendString(section)
    let text = Base64.encode(file)
    var lines = [Self.header]
    for start in stride(from: 0, to: text.count, by: 70) {
      lines.append(String(decoding: text[start..<min(start + 70, text.count)], as: UTF8.self))
    }
    lines.append(Self.footer)
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private func appendPrivate(to section: inout [UInt8]) {
    switch material {
    case .ed25519(let key):
      let own = Array(key.publicKey.rawRepresentation)
      section.appendString("ssh-ed25519")
      section.appendString(own)
      section.appendString(Array(key.rawRepresentation) + own)
    case .p256(let key): appendCurve(key.rawRepresentation, to: &section)
    case .p384(let key): appendCurve(key.rawRepresentation, to: &section)
    case .p521(let key): appendCurve(key.rawRepresentation, to: &section)
    case .rsa(let key):
      section.appendString("ssh-rsa")
      let numbers = PKCS1.integers(Array(key.derRepresentation))
      // In the file: version, n, e, d, p, q, d mod p-1, d mod q-1, coefficient.
      for index in [1, 2, 3, 8, 4, 5] where index < numbers.count { section.appendMagnitude(numbers[index]) }
    }
  }

  private func appendCurve(_ scalar: some Sequence<UInt8>, to section: inout [UInt8]) {
    // The public blob is exactly what stands before the scalar.
    section += publicKey.blob
    section.appendMagnitude(Array(scalar))
  }
}

/// As much of DER as an RSA private key in PKCS #1 needs (RFC 8017 appendix A.1.2). Reads our own library's output.
private enum PKCS1 {
  static func integers(_ der: [UInt8]) -> [[UInt8]] {
    var numbers: [[UInt8]] = []
    var rest = der[...]
    guard rest.popFirst() == 0x30, length(&rest) != nil else { return [] }
    while rest.popFirst() == 0x02, let count = length(&rest), count <= rest.count {
      numbers.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return numbers
  }

  private static func length(_ rest: inout ArraySlice<UInt8>) -> Int? {
    guard let first = rest.popFirst() else { return nil }
    guard first & 0x80 != 0 else { return Int(first) }
    var length = 0
    for _ in 0..<min(4, first & 0x7F) { length = length << 8 | Int(rest.popFirst() ?? 0) }
    return length
  }
}
