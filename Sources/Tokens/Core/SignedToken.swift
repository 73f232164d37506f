import ACMECore

/// A JSON Web Token in compact form, signed by its issuer (RFC 7519; RFC 7515 §3.1): parsed, not yet believed.
///
/// ```
/// base64url({"alg": "ES256", "kid": "2026-1"}) . base64url({"iss": …, "aud": …, "exp": …}) . base64url(signature)
/// ```
public struct SignedToken: Sendable {
  /// Most bytes of a token: what a SASL response holds, less its frame.
  public static let maximumLength = 11 * 1024

  /// The signature algorithm that the token names (RFC 7518 §3.1). It only counts where the key's own is the same.
  public let algorithm: String
  /// Which of the issuer's keys signed it; `nil` when it does not say.
  public let keyID: String?
  /// Who says to have issued it.
  public let issuer: String
  private let claims: JSONValue
  private let input: [UInt8]
  private let signature: [UInt8]

  /// Reads it, and checks its form alone. `nil` for what is none, is not signed, or has extensions that must be
  /// understood (RFC 7515 §4.1.11).
  public init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.maximumLength else { return nil }
    let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[2].isEmpty, let header = Self.json(parts[0]), header["crit"] == nil,
      let algorithm = header["alg"]?.string, let claims = Self.json(parts[1]), let issuer = claims["iss"]?.string,
      let signature = Self.octets(parts[2])
    else { return nil }
    if let type = header["typ"] {
      // Of what else is signed with the same keys (log-out tokens, proofs of possession) nothing logs in.
      guard let type = type.string?.lowercased(), ["jwt", "at+jwt", "application/at+jwt"].contains(type) else {
        return nil
      }
    }
    self.algorithm = algorithm
    self.issuer = issuer
    self.claims = claims
    self.signature = signature
    keyID = header["kid"]?.string
    input = Array(parts[0]) + [UInt8(ascii: ".")] + Array(parts[1])
  }

  private static func octets(_ part: ArraySlice<UInt8>) -> [UInt8]? {
    Base64URL.decode(String(decoding: part, as: UTF8.self))
  }

  private static func json(_ part: ArraySlice<UInt8>) -> JSONValue? {
    octets(part).flatMap { JSONValue($0) }.flatMap { $0.isObject ? $0 : nil }
  }

  /// Whether one of these keys signed it, by that key's own algorithm. With a key's name in the token, only keys of that
  /// name and keys without one are tried.
  public func isSigned(by keys: KeySet) -> Bool {
    keys.keys(for: keyID).contains { key in algorithm == key.algorithm && key.isValid(signature, over: input) }
  }

  /// What makes a token count at this time, for this audience (RFC 7519 §4.1); `nil` when it does.
  ///
  /// - Parameter leeway: Seconds by which clocks may differ.
  public func complaint(audience: [String], at seconds: Int64, leeway: Int64 = 60) -> Complaint? {
    let meant = claims["aud"].flatMap { $0.string.map { [$0] } ?? $0.strings } ?? []
    guard meant.contains(where: audience.contains) else { return .otherAudience }
    guard let end = claims["exp"]?.number else { return .endless }
    guard end > seconds - leeway else { return .expired }
    for name in ["nbf", "iat"] {
      guard let begin = claims[name] else { continue }
      guard let begin = begin.number else { return .malformed }
      guard begin <= seconds + leeway else { return .early }
    }
    return nil
  }

  /// Why a token that its issuer has signed does not count.
  public enum Complaint: String, Sendable {
    case otherAudience = "token for another audience"
    case endless = "token without an end"
    case expired = "token expired"
    case early = "token from the future"
    case malformed = "token with a date that is none"
  }

  /// What a claim says of its subject; `nil` when it is absent, no text, or an address that the issuer has not verified.
  public func text(of claim: String) -> String? {
    if claim == "email", let verified = claims["email_verified"], verified != .bool(true), verified.string != "true" {
      return nil
    }
    return claims[claim]?.string.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Whether the issuer asked for more than one factor (RFC 8176 §2).
  public var hasSeveralFactors: Bool { claims["amr"]?.strings?.contains("mfa") ?? false }
}

/// The keys of an issuer (RFC 7517 §5).
public struct KeySet: Sendable, Hashable {
  /// Most keys that are taken of a set: each may cost a signature's check.
  public static let maximumKeys = 32

  private struct Entry: Sendable, Hashable {
    var id: String?
    var key: JSONWebKey
  }

  private let entries: [Entry]

  /// Keys of kinds that are not known, or are for something else than signatures, are passed over (RFC 7517 §5). `nil` for what is no set.
  public init?(_ bytes: [UInt8]) {
    guard let values = JSONValue(bytes)?["keys"]?.array else { return nil }
    var entries: [Entry] = []
    for value in values where entries.count < Self.maximumKeys {
      if let use = value["use"], use.string != "sig" { continue }
      if let operations = value["key_ops"], operations.strings?.contains("verify") != true { continue }
      guard let key = JSONWebKey(value) else { continue }
      if let algorithm = value["alg"], algorithm.string != key.algorithm { continue }
      entries.append(Entry(id: value["kid"]?.string, key: key))
    }
    self.entries = entries
  }

  public var isEmpty: Bool { entries.isEmpty }

  /// Whether a key of this name is there, or could be: one without a name.
  public func mayHave(_ id: String?) -> Bool { !keys(for: id).isEmpty }

  func keys(for id: String?) -> [JSONWebKey] {
    entries.filter { id == nil || $0.id == nil || $0.id == id }.map(\.key)
  }
}
