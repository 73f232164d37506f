/// `[http.limits]`: what one request and connection may take.
public struct HTTPLimits: ConfigurationRecord {
  public var headerSize = ByteSize(bytes: 32 << 10)
  public var bodySize = ByteSize(bytes: 1_000_000_000)
  public var headerTimeout = Duration.seconds(10)
  public var idleTimeout = Duration.seconds(60)
  public var streams = 100
  public var bodyTimeout = Duration.seconds(30)
  public var sendTimeout = Duration.seconds(120)

  public init() {}

  public static let schema = Schema(HTTPLimits(), "What one request and connection may take.") { keys in
    keys.key(
      "header_size", \.headerSize, .size(ByteSize(bytes: 4 << 10)...ByteSize(bytes: 1 << 20)),
      "The request line and header fields of one request.", example: "\"32KiB\"")
    keys.key(
      "body_size", \.bodySize, .size(ByteSize(bytes: 0)...ByteSize(bytes: 1 << 40)), "The body of one request.",
      example: "\"1GB\"")
    keys.key(
      "header_timeout", \.headerTimeout, .duration(.seconds(1) ... .seconds(600)),
      "How long a request's header may take to come.", example: "\"10s\"")
    keys.key(
      "idle_timeout", \.idleTimeout, .duration(.seconds(1) ... .seconds(3600)),
      "How long a connection may be silent between requests.", example: "\"1m\"")
    keys.key(
      "body_timeout", \.bodyTimeout, .duration(.seconds(1) ... .seconds(3600)),
      "How long a request's body may stand still.", example: "\"30s\"")
    keys.key(
      "send_timeout", \.sendTimeout, .duration(.seconds(1) ... .seconds(3600)),
      "How long a client may take nothing of its reply.", example: "\"2m\"")
    keys.key("streams", \.streams, .integer(1...10000), "Requests at once on one HTTP/2 connection.", example: "100")
  }
}
