import Foundation
import SMTPServer
import Services

/// The keys that sign what leaves: `DOMAIN.SELECTOR.key`, sealed. The first of each kind is made when it is missing; later
/// ones follow as they grow old.
///
/// A new key is published at once. It signs once it has stood in DNS for `settling` and was seen there; then the old one stays
/// published for `farewell`, for messages that are still under way.
struct SigningKeys {
  static let settling: Int64 = 2 * 86400
  static let farewell: Int64 = 7 * 86400

  private let folder: String
  private let files: SealedFile

  init(_ folder: DataFolder, _ secret: Secret) {
    self.folder = folder.signingKeys
    files = SealedFile(magic: "portside sealed mail key 1\n", secret: secret)
  }

  static func secret(from masterKey: Secret) -> Secret {
    SealedFile.secret(from: masterKey, for: "portside mail signing keys")
  }

  enum Kind: String, CaseIterable {
    case rsa, ed

    func make() throws -> DKIMKey { self == .rsa ? try DKIMKey.makeRSA() : DKIMKey.makeEd25519() }
  }

  struct Stored {
    var kind: Kind
    var number: Int
    var created: Int64
    /// Since when it signs; `nil`: not yet.
    var since: Int64?
    var key: DKIMKey

    /// `rsa1`, `ed1`.
    var selector: String { "\(kind.rawValue)\(number)" }
  }

  // MARK: Reading

  /// The keys of a domain by kind, oldest first; the first ones are made.
  func keys(of domain: String, now: Int64) throws -> [Stored] {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return try Kind.allCases.flatMap { kind in
      let numbers = numbers(of: domain, kind)
      guard !numbers.isEmpty else { return [try make(domain, kind, number: 1, now: now, signs: true)] }
      return try numbers.map { try read(domain, kind, $0) }
    }
  }

  private func numbers(of domain: String, _ kind: Kind) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let start = "\(domain).\(kind.rawValue)"
    return names.compactMap { name in
      guard name.hasPrefix(start), name.hasSuffix(".key") else { return nil }
      return Int(name.dropFirst(start.count).dropLast(4))
    }.filter { $0 > 0 }.sorted()
  }

  private func path(_ domain: String, _ kind: Kind, _ number: Int, _ ending: String) -> String {
    "\(folder)/\(domain).\(kind.rawValue)\(number).\(ending)"
  }

  private func read(_ domain: String, _ kind: Kind, _ number: Int) throws -> Stored {
    let path = path(domain, kind, number, "key")
    let content: [UInt8]
    if let opened = try files.read(path) {
      content = opened
    } else {
      // Of an earlier version, in plain text: sealed from now on.
      let modified = (try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate]) as? Date
      let plain = [UInt8](FileManager.default.contents(atPath: path) ?? Data())
      content = Array("created \(Int64(modified?.timeIntervalSince1970 ?? 0))\n".utf8) + plain
      guard DKIMKey(stored: plain) != nil else { throw CommandFailure("\(path) holds no key") }
      try files.write(content, to: path)
    }
    guard let end = content.firstIndex(of: 0x0A), let key = DKIMKey(stored: Array(content[(end + 1)...])),
      let created = Int64(String(decoding: content[..<end], as: UTF8.self).dropFirst("created ".count))
    else { throw CommandFailure("\(path) holds no key") }
    let mark = FileManager.default.contents(atPath: self.path(domain, kind, number, "signs"))
    let since = mark.flatMap { Int64(String(decoding: $0, as: UTF8.self).filter(\.isNumber)) }
    return Stored(
      kind: kind, number: number, created: created, since: since ?? (number == 1 ? created : nil), key: key)
  }

  // MARK: Roll-over

  private func make(_ domain: String, _ kind: Kind, number: Int, now: Int64, signs: Bool) throws -> Stored {
    var stored = Stored(kind: kind, number: number, created: now, since: nil, key: try kind.make())
    try files.write(Array("created \(now)\n".utf8) + stored.key.stored, to: path(domain, kind, number, "key"))
    if signs { try begin(&stored, domain, now) }
    return stored
  }

  private func begin(_ stored: inout Stored, _ domain: String, _ now: Int64) throws {
    let mark = path(domain, stored.kind, stored.number, "signs")
    try SealedFile.write(Data("\(now)\n".utf8), to: mark, mode: 0o600)
    stored.since = now
  }

  /// Makes a next key of each kind, unless one waits already. `atOnce`: it signs from now on, published or not.
  func roll(_ domain: String, now: Int64, atOnce: Bool) throws -> [Stored] {
    let keys = try keys(of: domain, now: now)
    return try Kind.allCases.compactMap { kind in
      guard var last = keys.last(where: { $0.kind == kind }) else { return nil }
      if last.since != nil { return try make(domain, kind, number: last.number + 1, now: now, signs: atOnce) }
      guard atOnce else { return nil }
      try begin(&last, domain, now)
      return last
    }
  }

  /// Carries the roll-over on: what is old gets a successor, a successor that is seen signs, what nobody needs goes.
  func advance(
    _ domain: String, now: Int64, lifetime: Int64, isSeen: (Stored) async -> Bool
  ) async throws -> [Stored] {
    var all: [Stored] = []
    for kind in Kind.allCases {
      var keys = try keys(of: domain, now: now).filter { $0.kind == kind }
      guard var last = keys.popLast() else { continue }
      if last.since == nil, now - last.created >= Self.settling, await isSeen(last) { try begin(&last, domain, now) }
      keys.append(last)
      if last.since != nil, now - last.created >= lifetime {
        keys.append(try make(domain, kind, number: last.number + 1, now: now, signs: false))
      }
      if let signing = keys.last(where: { $0.since != nil }), let since = signing.since, now - since >= Self.farewell {
        for old in keys where old.number < signing.number {
          unlink(path(domain, kind, old.number, "key"))
          unlink(path(domain, kind, old.number, "signs"))
        }
        keys.removeAll { $0.number < signing.number }
      }
      all += keys
    }
    return all
  }

  /// Those that sign: the newest of each kind that may.
  static func signing(_ keys: [Stored]) -> [Stored] {
    Kind.allCases.compactMap { kind in keys.last { $0.kind == kind && $0.since != nil } }
  }

  /// The secret of rewritten senders.
  func rewritingKey() throws -> [UInt8] {
    let path = "\(folder)/srs.key"
    if let key = try files.read(path), key.count >= 16 { return key }
    let plain = FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    let key = plain.flatMap { $0.count >= 16 ? $0 : nil } ?? (0..<32).map { _ in UInt8.random(in: 0...255) }
    try files.write(key, to: path)
    return key
  }
}
