import Certificates
import Crypto
import DNSCore
import DNSSecurity
import DNSServer
import Foundation
import Services

/// The keys of signed zones on the disk: one file for each zone, the private halves sealed.
struct SealedZoneKeys: ZoneKeyStore {
  private let folder: String
  private let encryption: KeyEncryption

  private static let purpose = KeyEncryption.Purpose("zone-key")

  init(folder: String, secret: Secret) throws {
    self.folder = folder
    encryption = try KeyEncryption(key: secret)
  }

  /// What seals the files, from the key of `server.key`.
  static func secret(from masterKey: Secret) -> Secret {
    let key = masterKey.withBytes { bytes in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: bytes), info: Data("portside zone keys".utf8), outputByteCount: 32)
    }
    return Secret(key.withUnsafeBytes { Array($0) })
  }

  private struct File: Codable {
    var version = 1
    var zone: String
    var serialCeiling: UInt32
    var keys: [Key]
  }

  private struct Key: Codable {
    var tag: UInt16
    var role: String
    var phase: String
    var since: UInt32
    var created: UInt32
    var algorithm: UInt8
    var flags: UInt16
    var sealed: Data
  }

  func load(_ zone: Name) throws -> StoredZoneKeys? {
    guard let content = FileManager.default.contents(atPath: path(zone)) else {
      guard !FileManager.default.fileExists(atPath: path(zone)) else {
        throw CommandFailure("\(path(zone)) can't be read")
      }
      return nil
    }
    let file = try JSONDecoder().decode(File.self, from: content)
    guard file.version == 1, file.zone == zone.lowercased.description else {
      throw CommandFailure("\(path(zone)) is not the file of this zone")
    }
    let entries = try file.keys.map { key -> ZoneKeyring.Entry in
      let secret = try encryption.open(Array(key.sealed), purpose: Self.purpose, name: Self.name(zone, key.tag))
      let material = try secret.withBytes {
        try SigningKey(SecurityAlgorithm(rawValue: key.algorithm), flags: key.flags, rawRepresentation: $0)
      }
      guard material.tag == key.tag, let role = ZoneKeyring.Role(rawValue: key.role),
        let phase = ZoneKeyring.Phase(rawValue: key.phase)
      else { throw CommandFailure("\(path(zone)): the key \(key.tag) is damaged") }
      return ZoneKeyring.Entry(key: material, role: role, phase: phase, since: key.since, created: key.created)
    }
    return StoredZoneKeys(keyring: ZoneKeyring(entries), serialCeiling: file.serialCeiling)
  }

  func save(_ keys: StoredZoneKeys, of zone: Name) throws {
    let file = File(
      zone: zone.lowercased.description, serialCeiling: keys.serialCeiling,
      keys: try keys.keyring.entries.map { entry in
        let sealed = try encryption.seal(
          Secret(entry.key.rawRepresentation), purpose: Self.purpose, name: Self.name(zone, entry.key.tag))
        return Key(
          tag: entry.key.tag, role: entry.role.rawValue, phase: entry.phase.rawValue, since: entry.since,
          created: entry.created, algorithm: entry.key.algorithm.rawValue, flags: entry.key.record.flags,
          sealed: Data(sealed))
      })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try write(try encoder.encode(file), to: path(zone))
  }

  /// A sealed key in another one's place does not open.
  private static func name(_ zone: Name, _ tag: UInt16) -> String { "\(zone.lowercased) \(tag)" }

  /// A name may have any octet in it; a file's may not.
  private func path(_ zone: Name) -> String {
    let safe = zone.lowercased.description.utf8.map { octet -> String in
      let isPlain =
        (0x61...0x7A).contains(octet) || (0x30...0x39).contains(octet) || [0x2D, 0x2E, 0x5F].contains(octet)
      return isPlain ? String(UnicodeScalar(octet)) : "%" + String(octet, radix: 16)
    }
    return "\(folder)/zone-\(safe.joined())json"
  }

  /// All of it or nothing: keys that are lost leave a zone bogus for as long as the parent's DS lives.
  private func write(_ content: Data, to path: String) throws {
    let part = path + ".part"
    unlink(part)
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CommandFailure("can't make \(part): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    let written = content.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard written == content.count, fsync(descriptor) == 0, rename(part, path) == 0 else {
      throw CommandFailure("can't write \(path): \(String(cString: strerror(errno)))")
    }
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }
}
