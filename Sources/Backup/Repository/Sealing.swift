import CSodium
import Compression
import Crypto
import Foundation
import Services

/// How a repository's objects are wrapped: compressed where that helps, then, when there is a key, encrypted.
struct Sealing: Sendable {
  /// The keys of an encrypted repository; `nil` in an open one.
  private let keys: Keys?

  private struct Keys: Sendable {
    var name: SymmetricKey
    var content: SymmetricKey
  }

  private enum Method {
    static let stored: UInt8 = 0
    static let deflated: UInt8 = 1
  }

  /// Objects are small enough to be held in memory, whatever a damaged or hostile file says of its size.
  private static let largestObject = 1 << 30

  init(key: Secret?) {
    keys = key.map { key in
      let root = key.withBytes { SymmetricKey(data: $0) }
      return Keys(name: Self.derive(root, "chunk names"), content: Self.derive(root, "content"))
    }
  }

  private static func derive(_ root: SymmetricKey, _ purpose: String) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: root, info: Data("portside backup, \(purpose)".utf8), outputByteCount: 32)
  }

  func name(_ content: [UInt8]) -> ChunkID {
    if let keys { return ChunkID(HMAC<SHA256>.authenticationCode(for: content, using: keys.name)) }
    return ChunkID(SHA256.hash(data: content))
  }

  /// - Parameter purpose: What the object is; it opens for nothing else, so that nobody can put one in another's place.
  func seal(_ content: [UInt8], purpose: String) throws(BackupError) -> [UInt8] {
    let packed = try Self.pack(content)
    guard let keys else { return packed }
    do {
      return [UInt8](
        try ChaChaPoly.seal(packed, using: keys.content, authenticating: Array(purpose.utf8)).combined)
    } catch {
      throw BackupError("can't encrypt: \(error)")
    }
  }

  func open(_ sealed: [UInt8], purpose: String) throws(BackupError) -> [UInt8] {
    guard let keys else { return try Self.unpack(sealed) }
    do {
      let box = try ChaChaPoly.SealedBox(combined: sealed)
      return try Self.unpack([UInt8](ChaChaPoly.open(box, using: keys.content, authenticating: Array(purpose.utf8))))
    } catch {
      throw BackupError("it was changed since it was written")
    }
  }

  private static func pack(_ content: [UInt8]) throws(BackupError) -> [UInt8] {
    guard isCompressible(content) else { return [Method.stored] + content }
    do {
      let packed = try Deflater(.zlib, level: 1).compress(content, .finish)
      return packed.count < content.count - content.count / 16
        ? [Method.deflated] + packed : [Method.stored] + content
    } catch {
      throw BackupError("can't compress: \(error)")
    }
  }

  /// Whether its first pages become smaller: what is compressed already costs no more than a look.
  private static func isCompressible(_ content: [UInt8]) -> Bool {
    guard content.count > 16_384 else { return content.count > 64 }
    let sample = Array(content[..<8_192])
    guard let packed = try? Deflater(.zlib, level: 1).compress(sample, .finish) else { return false }
    return packed.count < 7_000
  }

  private static func unpack(_ packed: [UInt8]) throws(BackupError) -> [UInt8] {
    guard let method = packed.first else { throw BackupError("it is empty") }
    if method == Method.stored { return Array(packed.dropFirst()) }
    guard method == Method.deflated else { throw BackupError("it was written by a later version") }
    var content: [UInt8] = []
    guard let inflater = try? Inflater(.zlib),
      (try? inflater.decompress(packed.span.bytes.extracting(1..<packed.count), limit: largestObject, into: &content))
        != nil, inflater.isFinished
    else { throw BackupError("it was changed since it was written") }
    return content
  }
}

/// The key of an encrypted repository, itself sealed under what is derived from the pass phrase: Argon2id (RFC 9106).
struct SealedKey: Codable, Sendable {
  var salt: Data
  var passes: UInt64
  var memoryBytes: Int
  var box: Data

  private static let purpose = Array("portside backup, key".utf8)
  /// What a repository may ask for: a hostile one must not take all memory.
  private static let allowedMemory = 8 * 1024 * 1024...1024 * 1024 * 1024
  private static let allowedPasses: ClosedRange<UInt64> = 1...16

  /// A new key, and how it is kept.
  static func make(passPhrase: Secret) throws(BackupError) -> (kept: SealedKey, key: Secret) {
    let key = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
    var kept = SealedKey(
      salt: Data((0..<16).map { _ in UInt8.random(in: 0...255) }), passes: 3, memoryBytes: 64 * 1024 * 1024, box: Data()
    )
    do {
      kept.box = try ChaChaPoly.seal(
        key, using: try kept.wrappingKey(passPhrase), authenticating: purpose
      ).combined
    } catch let error as BackupError {
      throw error
    } catch {
      throw BackupError("can't encrypt: \(error)")
    }
    return (kept, Secret(key))
  }

  func open(passPhrase: Secret) throws(BackupError) -> Secret {
    let wrapping = try wrappingKey(passPhrase)
    guard let box = try? ChaChaPoly.SealedBox(combined: box),
      let key = try? ChaChaPoly.open(box, using: wrapping, authenticating: Self.purpose), key.count == 32
    else { throw BackupError("this is not the pass phrase of the repository") }
    return Secret([UInt8](key))
  }

  private func wrappingKey(_ passPhrase: Secret) throws(BackupError) -> SymmetricKey {
    guard sodium_init() >= 0, salt.count == Int(crypto_pwhash_saltbytes()), Self.allowedMemory.contains(memoryBytes),
      Self.allowedPasses.contains(passes)
    else { throw BackupError("the repository's key makes no sense") }
    var output = [UInt8](repeating: 0, count: 32)
    let salt = [UInt8](salt)
    let status = passPhrase.withBytes { bytes in
      crypto_pwhash(
        &output, 32, bytes.map { CChar(bitPattern: $0) }, UInt64(bytes.count), salt, passes, memoryBytes,
        crypto_pwhash_alg_argon2id13())
    }
    guard status == 0 else { throw BackupError("no memory to derive the key of the repository") }
    return SymmetricKey(data: output)
  }
}
