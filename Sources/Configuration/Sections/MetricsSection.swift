import WireKit

/// `[metrics]`: figures for Prometheus.
public struct MetricsSection: ServiceSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(9464)
  public var from: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<MetricsSection>(service: .admin, key: "port", place: \.port, transports: [.tcp], tls: .none)
  ]

  public static let schema = Schema(MetricsSection(), "Figures for Prometheus, at `/metrics` over HTTP.") { keys in
    keys.service("the metrics page")
    keys.key(
      "port", \.port, .port, "The port of the page.", details: "0 takes any free port, `\"off\"` none.", example: "9464"
    )
    keys.key(
      "from", \.from, .list(.text()), "Networks besides loopback that may read it.", example: "[\"192.168.10.0/24\"]")
  }
}
