import WireKit

/// How a zone of ours is signed (`dnssec` of a zone).
public struct DNSSigning: ConfigurationRecord {
  public enum Algorithm: String, ConfigurationChoice {
    case ecdsa, ed25519
  }

  public enum Denial: String, ConfigurationChoice {
    case nsec, nsec3
    case optOut = "nsec3-opt-out"
  }

  public enum Keys: String, ConfigurationChoice {
    case one, two
  }

  public var algorithm = Algorithm.ecdsa
  public var denial = Denial.nsec
  public var keys = Keys.one
  /// Seconds; 0: never by itself.
  public var keyLifetime = Duration.zero
  public var zoneKeyLifetime = Duration.seconds(90 * 86_400)
  public var signatureLifetime = Duration.seconds(14 * 86_400)

  public init() {}

  public static let schema = Schema(DNSSigning(), "How a zone is signed.") { keys in
    keys.key(
      "algorithm", \.algorithm, .choice, "What signs: ECDSA on P-256 with SHA-256 (13), or Ed25519 (15).",
      details: "Every validator knows the first; a few old ones don't know the second.", example: "\"ecdsa\"")
    keys.key(
      "denial", \.denial, .choice, "How it is proven that a name does not exist.",
      details: "`\"nsec\"`: small and quick. `\"nsec3\"`: names are hashed (no salt, no further rounds; RFC 9276), so "
        + "that the zone can't be listed by asking. `\"nsec3-opt-out\"`: besides, children that are not signed have no "
        + "proof (RFC 5155 §6): for zones of very many of them.", example: "\"nsec\"")
    keys.key(
      "keys", \.keys, .choice, "One key for all, or one for the keys and one for the records.", example: "\"one\"")
    keys.key(
      "key_lifetime", \.keyLifetime, .duration(.zero ... .seconds(3650 * 86_400)),
      "When the key that the parent's DS names is replaced; 0: only when asked to.",
      details: "CDS and CDNSKEY tell the parent (RFC 7344); a parent that does not look at them must be told by you.",
      example: "\"0s\"")
    keys.key(
      "zone_key_lifetime", \.zoneKeyLifetime, .duration(.zero ... .seconds(3650 * 86_400)),
      "When the key for the records is replaced, where there are two; 0: only when asked to.", example: "\"90d\"")
    keys.key(
      "signature_lifetime", \.signatureLifetime, .duration(.seconds(2 * 86_400) ... .seconds(365 * 86_400)),
      "How long a signature lives; it is made anew when a third of that is left.", example: "\"14d\"")
  }
}
