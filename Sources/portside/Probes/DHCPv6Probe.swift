import DHCPClient
import DHCPCore
import Foundation
import WireKit

/// `probe dhcp6://[server][:port][/network address]`: an advertisement, asked for as a relay would; or `probe dhcp6://interface`: every
/// server that answers there. No lease comes of it.
struct DHCPv6Probe: Probe {
  private let url: String
  private let target: ProbeTarget
  private let link: IPAddress?

  init(_ url: String) throws {
    self.url = url
    target = try ProbeTarget(url, standardPort: 547)
    link = try target.path.first.map { text in
      guard let address = IPAddress(text), address.family == .v6 else {
        throw CommandFailure("'\(text)' is no IPv6 address of the network to ask for")
      }
      return address
    }
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(url)
    do {
      let answers = try await ask(&report)
      if answers.isEmpty { report.failure = "no advertisement: nobody answers, or nobody serves this network" }
      for answer in answers {
        let server = "\(Hexadecimal.text(answer.server)) at \(answer.source.address)"
        report.add("answer", "\(answer.message.kind) by \(server)", nanoseconds: answer.nanoseconds)
        report.answer =
          (report.answer ?? "") + "\n"
          + answer.message.summary.split(separator: "; ").map { "  \($0)\n" }.joined()
      }
    } catch {
      report.failure = "\(error)"
    }
    return report
  }

  private func ask(_ report: inout ProbeReport) async throws -> [DHCPv6ProbeClient.Answer] {
    let client = DHCPv6ProbeClient()
    if IPAddress(target.host) == nil, FileManager.default.fileExists(atPath: "/sys/class/net/\(target.host)") {
      report.add("interface", target.host)
      let interface = target.host
      return try await Task.detached { try client.ask(interface: interface) }.value
    }
    let server = try target.endpoint()
    guard server.address.family == .v6 else { throw CommandFailure("\(server.address) is not IPv6") }
    report.add("server", server.description)
    let link = link ?? server.address
    return try await Task.detached { try client.ask(server, link: link) }.value.map { [$0] } ?? []
  }
}
