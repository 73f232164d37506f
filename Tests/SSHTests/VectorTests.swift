import Crypto
import Testing
import WireKit

@testable import SSHCore

@Suite struct VectorTests {
  private static func bytes(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.utf8.map { UInt8(String(UnicodeScalar($0)), radix: 16) ?? 0 }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// RFC 8439 §2.5.2.
  @Test func poly1305() {
    let key = Self.bytes("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    let tag = Array("Cryptographic Forum Research Group".utf8).withUnsafeBytes {
      SodiumPrimitives.poly1305($0, key: key)
    }
    #expect(tag == Self.bytes("a8061dc1305136c6c22b8baf0c0127a9"))
  }

  /// RFC 8439 appendix A.1, test vectors 1 and 2: with a nonce of zeros, both forms of ChaCha20 are the same.
  @Test func chaCha20Blocks() {
    let expected = [
      "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        + "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
      "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        + "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    ]
    for (block, text) in expected.enumerated() {
      var stream = [UInt8](repeating: 0, count: 64)
      stream.withUnsafeMutableBytes { stream in
        guard let base = stream.baseAddress else { return }
        SodiumPrimitives.chaCha20(
          base, base, count: 64, nonce: 0, block: UInt64(block), key: [UInt8](repeating: 0, count: 32))
      }
      #expect(stream == Self.bytes(text))
    }
  }

  /// RFC 7748 §6.1.
  @Test func x25519() throws {
    let alice = try Curve25519.KeyAgreement.PrivateKey(
      rawRepresentation: Self.bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    let bob = Self.bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    let shared = Self.bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    #expect(try X25519Exchange.agree(alice, with: bob) == shared)
  }

  /// The construction of PROTOCOL.chacha20poly1305, spelled out by its parts.
  @Test func chaCha20Poly1305OfOpenSSH() throws {
    let key = (0..<64).map { UInt8($0) }
    var sealer = ChaCha20Poly1305Packets(key: key)
    let plain: [UInt8] = [0, 0, 0, 16, 4] + Array("hello world".utf8) + [9, 9, 9, 9]
    var packet = plain
    sealer.seal(&packet, from: 0, sequence: 7)
    #expect(packet.count == plain.count + 16)
    var stream = [UInt8](repeating: 0, count: 64 + 16)
    var lengthStream = [UInt8](repeating: 0, count: 4)
    stream.withUnsafeMutableBytes {
      guard let base = $0.baseAddress else { return }
      SodiumPrimitives.chaCha20(base, base, count: 80, nonce: 7, block: 0, key: Array(key.prefix(32)))
    }
    lengthStream.withUnsafeMutableBytes {
      guard let base = $0.baseAddress else { return }
      SodiumPrimitives.chaCha20(base, base, count: 4, nonce: 7, block: 0, key: Array(key.suffix(32)))
    }
    let expected = zip(plain, lengthStream + stream.dropFirst(64)).map { $0 ^ $1 }
    #expect(Array(packet.prefix(plain.count)) == expected)
    let tag = expected.withUnsafeBytes { SodiumPrimitives.poly1305($0, key: Array(stream.prefix(32))) }
    #expect(Array(packet.suffix(16)) == tag)
    var opened: [UInt8] = []
    try packet.withUnsafeBytes { try sealer.open($0, sequence: 7, into: &opened) }
    #expect(opened == Array(plain.dropFirst(4)))
    for index in packet.indices {
      var tampered = packet
      tampered[index] ^= 1
      #expect(throws: SSHError.self) {
        try tampered.withUnsafeBytes { try sealer.open($0, sequence: 7, into: &opened) }
      }
    }
  }

  @Test(
    arguments: [
      ([], "00000000"), ([0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7], "0000000809a378f9b2e332a7"),
      ([0x80], "000000020080"), ([0, 0, 5], "0000000105"),
    ] as [([UInt8], String)])
  func multiplePrecisionIntegers(_ magnitude: [UInt8], _ wire: String) throws {
    var bytes: [UInt8] = []
    bytes.appendMagnitude(magnitude)
    #expect(bytes == Self.bytes(wire))
    var reader = WireReader(bytes.span.bytes)
    #expect(try reader.readMagnitude("test") == Array(magnitude.drop { $0 == 0 }))
  }

  @Test func base64() {
    for count in 0..<70 {
      let bytes = [UInt8].random(count)
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
    for text in ["A", "AA", "AAA", "A===", "AA=A", "Ä", "A-=="] { #expect(Base64.decode(text.utf8) == nil) }
  }
}
