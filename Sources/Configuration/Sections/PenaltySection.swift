import WireKit

/// `[auth.penalty]`: after OpenSSH's PerSourcePenalties, for every protocol.
public struct PenaltySection: ConfigurationRecord {
  public var authfail = Duration.seconds(5)
  public var invaliduser = Duration.seconds(5)
  public var noauth = Duration.seconds(1)
  public var graceExceeded = Duration.seconds(10)
  public var crash = Duration.seconds(90)
  public var min = Duration.seconds(15)
  public var max = Duration.seconds(600)
  public var v4 = 32
  public var v6 = 64
  public var exempt: [IPNetwork] = []

  public init() {}

  public static let schema = Schema(
    PenaltySection(), "What a source pays for misbehaving. Penalties add up; while one runs, the source is refused."
  ) { keys in
    let range = Duration.zero ... .seconds(86400)
    keys.key("authfail", \.authfail, .duration(range), "For a failed log-in with a known name.", example: "\"5s\"")
    keys.key(
      "invaliduser", \.invaliduser, .duration(range), "For a failed log-in with an unknown name.", example: "\"5s\"")
    keys.key(
      "noauth", \.noauth, .duration(range), "For leaving without an attempt to log in, where one was due.",
      example: "\"1s\"")
    keys.key(
      "grace_exceeded", \.graceExceeded, .duration(range), "For not logging in within `limits.login_within`.",
      example: "\"10s\"")
    keys.key("crash", \.crash, .duration(range), "For making a worker crash.", example: "\"90s\"")
    keys.key("min", \.min, .duration(range), "Less than this is only remembered, not enforced.", example: "\"15s\"")
    keys.key("max", \.max, .duration(.seconds(1) ... .seconds(7 * 86400)), "The most that adds up.", example: "\"10m\"")
    keys.key("v4", \.v4, .integer(8...32), "Leading bits of an IPv4 address that make up a source.", example: "32")
    keys.key("v6", \.v6, .integer(16...128), "Leading bits of an IPv6 address that make up a source.", example: "64")
    keys.key(
      "exempt", \.exempt, .list(.text()), "Networks that never pay, so that nobody locks himself out.",
      example: "[\"192.168.10.0/24\"]")
  }

  public func problems() -> [Problem] {
    guard min > max else { return [] }
    return [
      Problem(
        ConfigurationPath("max"), "\(DurationText.print(max)) is less than min, \(DurationText.print(min))",
        basis: [ConfigurationPath("min")])
    ]
  }
}
