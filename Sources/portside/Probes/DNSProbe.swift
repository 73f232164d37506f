import DNSClient
import DNSCore
import Foundation
import WireKit

/// `probe dns://server[:port]/name[/type]`: one question, answered as dig would show it.
struct DNSProbe: Probe {
  private let target: ProbeTarget
  private let question: Question
  private let overTCP: Bool

  init(_ url: String, overTCP: Bool) throws {
    target = try ProbeTarget(url, standardPort: 53)
    let name = target.path.first ?? "."
    let typeName = target.path.dropFirst().first ?? "A"
    guard let type = RecordType(typeName.uppercased()) else { throw CommandFailure("'\(typeName)' is no record type") }
    do { question = Question(try Name(name), type) } catch {
      throw CommandFailure("'\(name)' is no domain name: \(error)")
    }
    self.overTCP = overTCP
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    do {
      let server = try target.endpoint()
      report.add("server", server.description)
      var configuration = DNSClientConfiguration()
      if overTCP { configuration.transport = .tcp }
      let response = try await DNSClient(configuration: configuration).query(question, server: server)
      report.add(
        "answer", "\(response.message.responseCode) over \(response.transport.rawValue)",
        nanoseconds: response.elapsed.wholeNanoseconds)
      report.answer = "\n" + DigOutput.text(response)
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }
}
