import NIOCore
import TelnetClient
import WireKit

/// `probe telnet(s)://host[:port]`: the options that the server wants, TLS, and its first question.
struct TelnetProbe: Probe {
  private let target: ProbeTarget
  private let options: ProbeOptions
  private let security: TelnetClientConfiguration.Security

  init(_ url: String, _ security: TelnetClientConfiguration.Security, _ options: ProbeOptions) throws {
    target = try ProbeTarget(url, standardPort: security == .implicit ? 992 : 23)
    self.options = options
    self.security = security
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    let start = NIODeadline.now()
    do {
      let name = IPAddress(target.host) == nil ? target.host : nil
      let client = try await TelnetClient.connect(
        to: target.endpoint(), serverName: name,
        configuration: .init(security: security, trustRoots: options.trustRoots))
      let elapsed = (NIODeadline.now() - start).nanoseconds
      report.add("connected", "\(target.host) port \(target.port)", nanoseconds: elapsed)
      do {
        let greeting = try await client.read(until: "ogin: ", within: .seconds(10))
        if let version = client.tlsVersion { report.add("TLS", version) }
        for exchange in client.exchanges { report.add("  option", exchange.description) }
        report.add("options on", client.agreed.joined(separator: ", "))
        let question = greeting.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
        report.add("answer", "'\(question)'", nanoseconds: (NIODeadline.now() - start).nanoseconds)
      } catch {
        for exchange in client.exchanges { report.add("  option", exchange.description) }
        report.failure = String(describing: error)
      }
      await client.close()
    } catch { report.failure = String(describing: error) }
    return report
  }
}
