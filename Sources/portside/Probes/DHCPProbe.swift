import DHCPClient
import DHCPCore
import Foundation
import WireKit

/// `probe dhcp://server[:port][/network address]`: an offer, asked for as a relay would, and not taken; or
/// `probe dhcp://interface`: every server that answers there. No lease comes of it.
struct DHCPProbe: Probe {
  private let url: String
  private let target: ProbeTarget
  private let link: IPAddress?
  /// The server whose answer is waited for; `nil` for any.
  private let wanted: IPAddress?

  init(_ url: String, from wanted: IPAddress? = nil) throws {
    self.url = url
    self.wanted = wanted
    target = try ProbeTarget(url, standardPort: 67)
    link = try target.path.first.map { text in
      guard let address = IPAddress(text), address.family == .v4 else {
        throw CommandFailure("'\(text)' is no IPv4 address of the network to ask for")
      }
      return address
    }
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(url)
    do {
      let offers = try await ask(&report).filter { offer in
        wanted == nil || offer.message.address(.serverIdentifier) == wanted
      }
      if offers.isEmpty { report.failure = "no offer: nobody answers, or nobody serves this network" }
      for offer in offers {
        let message = offer.message
        let server = message.address(.serverIdentifier)?.description ?? offer.source.address.description
        report.add("answer", "\(message.yourAddress) offered by \(server)", nanoseconds: offer.nanoseconds)
        report.answer = (report.answer ?? "") + Self.describe(message)
      }
    } catch {
      report.failure = "\(error)"
    }
    return report
  }

  private func ask(_ report: inout ProbeReport) async throws -> [DHCPProbeClient.Offer] {
    var client = DHCPProbeClient()
    client.link = link
    if IPAddress(target.host) == nil, FileManager.default.fileExists(atPath: "/sys/class/net/\(target.host)") {
      report.add("interface", target.host)
      let interface = target.host
      return try await Task.detached { [client] in try client.ask(interface: interface) }.value
    }
    let server = try target.endpoint()
    report.add("server", server.description)
    let offer = try await Task.detached { [client] in try client.ask(server) }.value
    return offer.map { [$0] } ?? []
  }

  /// Each option by its name, on a line of its own.
  private static func describe(_ message: DHCPCore.Message) -> String {
    "\n" + message.summary.split(separator: "; ").map { "  \($0)\n" }.joined()
  }
}
