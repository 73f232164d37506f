import WireKit

import struct FoundationEssentials.Data

/// A line of OpenSSH's `authorized_keys` (sshd(8)): `[options] type base64 [comment]`.
package struct AuthorizedKeyLine: Hashable, Sendable {
  package var options: String
  package var blob: [UInt8]
  package var comment: String

  /// The key types that are taken. RSA and ECDSA for what is in use, no DSA.
  package static let types: Set<String> = [
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
  ]

  /// Reads a line. Throws with what is wrong, in words for the administrator.
  package init(_ line: String) throws(DirectoryError) {
    guard line.utf8.count <= 16_384, !line.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" }) else {
      throw DirectoryError(.badKey, "a key is one line without control characters, of 16384 bytes at most")
    }
    let (first, rest) = Self.cut(line[...])
    let type: Substring
    var tail: Substring
    if Self.types.contains(String(first)) {
      (options, type, tail) = ("", first, rest)
    } else {
      options = String(first)
      (type, tail) = Self.cut(rest)
    }
    guard Self.types.contains(String(type)) else {
      throw DirectoryError(.badKey, "no key type that is taken: \(Self.types.sorted().joined(separator: ", "))")
    }
    let encoded: Substring
    (encoded, tail) = Self.cut(tail)
    guard let blob = Data(base64Encoded: String(encoded)).map([UInt8].init) else {
      throw DirectoryError(.badKey, "the key itself is no base64")
    }
    try Self.check(blob, type: String(type))
    if KeyOptions(options) == nil { throw DirectoryError(.badKey, "the options can't be read: \(options)") }
    self.blob = blob
    comment = String(tail)
  }

  /// The word at the front, up to a space outside quotation marks, and what follows it.
  private static func cut(_ text: Substring) -> (Substring, Substring) {
    let text = text.drop { $0 == " " || $0 == "\t" }
    var inQuotes = false
    var previous: Character?
    var end = text.startIndex
    while end < text.endIndex {
      let character = text[end]
      if character == "\"", previous != "\\" { inQuotes.toggle() }
      if !inQuotes, character == " " || character == "\t" { break }
      previous = character
      end = text.index(after: end)
    }
    return (text[..<end], text[end...].drop { $0 == " " || $0 == "\t" })
  }

  /// The type inside the key must be the one in front of it, and the parts must have their sizes: a short Ed25519 key must
  /// not reach a signature check.
  private static func check(_ blob: [UInt8], type: String) throws(DirectoryError) {
    let parts: [[UInt8]]
    do { parts = try Self.parts(of: blob) } catch {
      throw DirectoryError(.badKey, "the key is damaged: \(error)")
    }
    guard let inner = parts.first, String(decoding: inner, as: UTF8.self) == type else {
      throw DirectoryError(.badKey, "the key is not of the type \(type) that stands in front of it")
    }
    let isSound: Bool =
      switch type {
      case "ssh-ed25519": parts.count == 2 && parts[1].count == 32
      case "sk-ssh-ed25519@openssh.com": parts.count == 3 && parts[1].count == 32
      // The modulus of 2048 bits has 256 bytes and, as a positive mpint, one zero in front.
      case "ssh-rsa": parts.count == 3 && parts[2].drop { $0 == 0 }.count >= 256
      case "ecdsa-sha2-nistp256": parts.count == 3 && parts[2].count == 65
      case "ecdsa-sha2-nistp384": parts.count == 3 && parts[2].count == 97
      case "ecdsa-sha2-nistp521": parts.count == 3 && parts[2].count == 133
      default: parts.count == 4 && parts[2].count == 65
      }
    guard isSound else { throw DirectoryError(.badKey, "a \(type) key has other parts, or RSA less than 2048 bits") }
  }

  /// The strings of the wire form (RFC 4251 §5).
  private static func parts(of blob: [UInt8]) throws(WireError) -> [[UInt8]] {
    var reader = WireReader(blob.span.bytes)
    var parts: [[UInt8]] = []
    while !reader.isAtEnd {
      let length = try Unverified(try reader.readUInt32("string length")).verified(atMost: 16_384, "string length")
      parts.append(try reader.readBytes(length, "string"))
      guard parts.count <= 8 else { throw WireError(.tooLong, "key") }
    }
    return parts
  }
}
