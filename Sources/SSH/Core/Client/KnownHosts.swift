import Crypto
import WireKit

/// The keys of servers that a user trusts, as OpenSSH keeps them in `known_hosts` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): names
/// with patterns or hashed, and the markers `@cert-authority` and `@revoked`.
public struct KnownHosts: Sendable {
  /// What the list says about a server's key.
  public enum Judgement: Sendable, Hashable {
    case known
    /// Nothing is known about this server by a key of this kind.
    case unknown
    /// Another key of the same kind is known.
    case changed
    case revoked
    /// An authority that is trusted has signed, but not for this: another name, another time, or a condition that is not understood.
    case certificateIsNotFor
  }

  private enum Marker {
    case plain, authority, revoked
  }

  private enum Names {
    case patterns([String])
    /// HMAC-SHA1 of the name, so that the file does not tell where its owner goes.
    case hashed(salt: [UInt8], sum: [UInt8])
  }

  private struct Entry {
    var marker: Marker
    var names: Names
    var key: PublicKey
  }

  private var entries: [Entry] = []

  public init() {}

  /// Reads a file's text. Lines that can't be read are passed over, as OpenSSH does: other kinds of keys among them.
  public init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      var words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      var marker = Marker.plain
      if first.hasPrefix("@") {
        switch first {
        case "@cert-authority": marker = .authority
        case "@revoked": marker = .revoked
        default: continue
        }
        words.removeFirst()
      }
      guard words.count >= 3, let names = Self.names(words[0]),
        let key = PublicKey(line: "\(words[1]) \(words[2])")
      else { continue }
      entries.append(Entry(marker: marker, names: names, key: key))
    }
  }

  private static func names(_ word: Substring) -> Names? {
    guard word.hasPrefix("|") else { return .patterns(word.split(separator: ",").map { $0.lowercased() }) }
    let parts = word.split(separator: "|", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[1] == "1", let salt = Base64.decode(parts[2].utf8),
      let sum = Base64.decode(parts[3].utf8)
    else { return nil }
    return .hashed(salt: salt, sum: sum)
  }

  // MARK: Judging

  /// Judges a key without a certificate.
  ///
  /// - Parameter host: The name that the user gave, or the address.
  public func judge(_ key: PublicKey, host: String, port: UInt16) -> Judgement {
    let found = matching(host, port)
    if found.contains(where: { $0.marker == .revoked && $0.key == key }) { return .revoked }
    let plain = found.filter { $0.marker == .plain }
    if plain.contains(where: { $0.key == key }) { return .known }
    return plain.contains { $0.key.type == key.type } ? .changed : .unknown
  }

  /// Judges a key with its certificate, by the authorities. `unknown`: no authority of the list has signed it; whoever wants may
  /// judge the key alone then.
  ///
  /// - Parameter now: Seconds since 1970.
  public func judge(_ certificate: KeyCertificate, host: String, port: UInt16, now: UInt64) -> Judgement {
    let found = matching(host, port)
    if found.contains(where: {
      $0.marker == .revoked && ($0.key == certificate.key || $0.key == certificate.authority)
    }) {
      return .revoked
    }
    guard found.contains(where: { $0.marker == .authority && $0.key == certificate.authority }) else { return .unknown }
    // A host certificate has no critical options that are known; one without names would hold for every server.
    guard certificate.kind == .host, certificate.criticalOptions.isEmpty,
      certificate.validAfter <= now, now < certificate.validBefore,
      certificate.principals.contains(where: { $0.lowercased() == host.lowercased() })
    else { return .certificateIsNotFor }
    return .known
  }

  /// Whether an authority is named for this server, so that its certificate should be asked for.
  public func hasAuthority(host: String, port: UInt16) -> Bool {
    matching(host, port).contains { $0.marker == .authority }
  }

  /// Puts the algorithms first that the list can judge this server by: a server that has several keys offers one that is known.
  public func order(_ algorithms: [String], host: String, port: UInt16) -> [String] {
    let found = matching(host, port)
    let types = Set(found.filter { $0.marker == .plain }.map(\.key.type))
    let known = algorithms.filter { name in SignatureAlgorithm.named(name).map { types.contains($0.keyType) } ?? false }
    let certified = found.contains { $0.marker == .authority } ? algorithms.map(KeyCertificate.algorithm) : []
    return certified + known + algorithms.filter { !known.contains($0) }
  }

  // MARK: Names

  private func matching(_ host: String, _ port: UInt16) -> [Entry] {
    let name = port == 22 ? host.lowercased() : "[\(host.lowercased())]:\(port)"
    return entries.filter { Self.matches($0.names, name) }
  }

  private static func matches(_ names: Names, _ name: String) -> Bool {
    switch names {
    case .hashed(let salt, let sum):
      return Array(HMAC<Insecure.SHA1>.authenticationCode(for: Array(name.utf8), using: SymmetricKey(data: salt)))
        == sum
    case .patterns(let patterns):
      var isNamed = false
      for pattern in patterns {
        if pattern.hasPrefix("!") {
          if matches(Array(pattern.utf8.dropFirst()), Array(name.utf8)) { return false }
        } else if matches(Array(pattern.utf8), Array(name.utf8)) {
          isNamed = true
        }
      }
      return isNamed
    }
  }

  /// `*` is any number of characters, `?` one. Goes back to the last `*` alone, so that the work is bounded.
  private static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
    var (at, place) = (0, 0)
    var star: (at: Int, place: Int)?
    while place < name.count {
      if at < pattern.count, pattern[at] == 0x2A {
        star = (at, place)
        at += 1
      } else if at < pattern.count, pattern[at] == 0x3F || pattern[at] == name[place] {
        at += 1
        place += 1
      } else if let last = star {
        star = (last.at, last.place + 1)
        (at, place) = (last.at + 1, last.place + 1)
      } else {
        return false
      }
    }
    return pattern[at...].allSatisfy { $0 == 0x2A }
  }
}
