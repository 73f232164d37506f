import HTTPClient
import HTTPCore
import NIOPosix
import Services

/// `probe http(s)://host/path`: connection, TLS, certificate, answer.
struct HTTPProbe: Probe {
  private let url: HTTPURL
  private let text: String
  private let options: ProbeOptions

  init(_ text: String, _ options: ProbeOptions) throws {
    guard let url = HTTPURL(text) else { throw CommandFailure("'\(text)' is no URL that a browser would take") }
    self.url = url
    self.text = text
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(text)
    var configuration = HTTPClient.Configuration()
    configuration.trustRoots = options.trustRoots
    let client = HTTPClient(group: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    do {
      let exchange = try await client.get(url)
      report.add("connected", "\(url.host) port \(url.port)", nanoseconds: exchange.timings.connected)
      if let tls = exchange.tls {
        let name = tls.applicationProtocol.map { ", \($0)" } ?? ""
        report.add("TLS", tls.version + name, nanoseconds: exchange.timings.handshake)
        if let certificate = tls.certificate {
          report.add("certificate", certificate.summary)
          report.add("valid until", CivilTime(WallTime(seconds: certificate.notValidAfter)).rfc3339)
        }
      }
      let head = exchange.response
      report.add(
        "answer", "\(head.status.code) \(head.status.reason)", nanoseconds: exchange.timings.firstByte)
      for index in 0..<head.fields.count {
        report.add("  \(head.fields.name(at: index))", head.fields.value(at: index))
      }
      report.add("content", "\(exchange.content.count) bytes", nanoseconds: exchange.timings.complete)
      if head.status.code >= 500 { report.failure = "the server answered \(head.status.code)" }
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }
}
