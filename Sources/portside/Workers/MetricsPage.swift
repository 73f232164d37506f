import Gate
import HTTPCore
import HTTPServer
import Operation
import Services
import Transport
import WireKit

/// `/metrics` for Prometheus and `/healthz` for balancers: the figures of all workers on one page.
struct MetricsPage: SiteHandler {
  /// The gate's own figures.
  let own: ProcessMetrics
  /// Where the workers are asked for theirs.
  let gate: GateServer
  /// Who knows how often each worker was started.
  let supervisor: SupervisorLink
  /// Besides loopback.
  let allowed: [IPNetwork]

  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard connection.peer.address.isLoopback || allowed.contains(where: { $0.contains(connection.peer.address) }) else {
      return Self.text(.forbidden, "not from here\n")
    }
    guard request.method == .get || request.method == .head else { return Self.text(.methodNotAllowed, "GET only\n") }
    switch request.path {
    case "/metrics":
      async let processes = supervisor.metrics()
      let workers = await gate.collectMetrics()
      return Self.text(.ok, MetricsText.merged([own.text, await processes] + workers.map(\.text)))
    case "/healthz": return Self.text(.ok, "ok\n")
    default: return Self.text(.notFound, "there is /metrics and /healthz\n")
    }
  }

  private static func text(_ status: Status, _ text: String) -> HTTPReply {
    var fields = Fields()
    fields.append(.contentType, "text/plain; version=0.0.4; charset=utf-8")
    fields.append(.cacheControl, "no-store")
    return HTTPReply(status, fields: fields, content: .bytes(Array(text.utf8)))
  }
}
