import Foundation
import POP3Client
import POP3Core
import WireKit

/// `probe pop3://[name[:password]@]server`: greeting, TLS, capabilities; with a name also the log-in and what is in the maildrop.
/// The password may stand in PORTSIDE_PASSWORD instead.
struct POP3Probe: Probe {
  private let target: ProbeTarget
  private let isSecure: Bool
  private let credential: POP3Plan.Credential?
  private let options: ProbeOptions

  init(_ url: String, isSecure: Bool, _ options: ProbeOptions) throws {
    var plain = url
    var credential: POP3Plan.Credential?
    if let start = url.firstRange(of: "://")?.upperBound, let at = url[start...].lastIndex(of: "@") {
      let parts = url[start..<at].split(separator: ":", maxSplits: 1)
      let name = parts.first.flatMap { String($0).removingPercentEncoding } ?? ""
      let password =
        parts.count > 1
        ? String(parts[1]).removingPercentEncoding ?? ""
        : ProcessInfo.processInfo.environment["PORTSIDE_PASSWORD"] ?? ""
      credential = POP3Client.credential(name: name, password: Array(password.utf8))
      // The report shows the URL without its secret.
      plain = String(url[..<start] + url[url.index(after: at)...])
    }
    target = try ProbeTarget(plain, standardPort: isSecure ? 995 : 110)
    self.isSecure = isSecure
    self.credential = credential
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    let start = ContinuousClock.now
    do {
      var configuration = POP3Client.Configuration()
      configuration.trustRoots = options.trustRoots
      let plan = POP3Plan(
        security: isSecure ? .implicit : .opportunistic, credential: credential,
        steps: credential == nil ? [] : [.stat, .uidl])
      let outcome = try await POP3Client(configuration: configuration).perform(
        plan, at: try target.endpoint(), name: target.host)
      let elapsed = (ContinuousClock.now - start).wholeNanoseconds
      report.add("greeting", outcome.greeting)
      report.add("capabilities", outcome.capabilities.joined(separator: ", "))
      if credential != nil { report.add("log-in", outcome.isLoggedIn ? "granted" : "refused") }
      if let count = outcome.count, let octets = outcome.octets {
        report.add("maildrop", "\(count) messages, \(octets) octets, \(outcome.uniqueIDs.count) unique-ids")
      }
      report.add("answer", outcome.isComplete ? "+OK" : outcome.failure ?? "none", nanoseconds: elapsed)
      report.failure = outcome.isComplete ? nil : outcome.failure ?? "the conversation did not come to its end"
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }
}
