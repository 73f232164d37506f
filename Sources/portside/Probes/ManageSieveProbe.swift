import Foundation
import ManageSieveClient
import ManageSieveCore
import SASLCore
import WireKit

/// `probe sieve://[name:password@]server`: capabilities, TLS; with a name also the log-in and the list of scripts.
struct ManageSieveProbe: Probe {
  private let target: ProbeTarget
  private let credential: (name: String, password: String)?
  private let options: ProbeOptions

  init(_ url: String, _ options: ProbeOptions) throws {
    var plain = url
    var credential: (name: String, password: String)?
    if let start = url.firstRange(of: "://")?.upperBound, let at = url[start...].lastIndex(of: "@") {
      let parts = url[start..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let name = String(parts[0]).removingPercentEncoding,
        let password = String(parts[1]).removingPercentEncoding
      else { throw CommandFailure("a log-in in the URL is name:password@, with %40 for an @ in the name") }
      credential = (name, password)
      // The report shows the URL without its secret.
      plain = String(url[..<start] + url[url.index(after: at)...])
    }
    target = try ProbeTarget(plain, standardPort: 4190)
    self.credential = credential
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    let start = ContinuousClock.now
    do {
      let endpoint = try target.endpoint()
      var configuration = ManageSieveClient.Configuration()
      configuration.trustRoots = options.trustRoots
      configuration.verifies = !options.trustRoots.isEmpty
      let plan = SievePlan(
        security: .opportunistic,
        credential: credential.map { .password(name: $0.name, SASLSecret(Array($0.password.utf8))) },
        nonce: (0..<24).map { _ in String(Int.random(in: 0...9)) }.joined(),
        allowsPlaintextLogIn: endpoint.address.isLoopback)
      let outcome = try await ManageSieveClient(configuration: configuration).perform(
        plan, at: endpoint, name: target.host)
      let elapsed = (ContinuousClock.now - start).wholeNanoseconds
      if let version = outcome.tlsVersion { report.add("TLS", version) }
      report.add("capabilities", outcome.capabilities.keys.sorted().joined(separator: ", "))
      if outcome.isLoggedIn {
        let names = outcome.scripts.keys.sorted().map { outcome.scripts[$0] == true ? "\($0) (active)" : $0 }
        report.add("scripts", names.isEmpty ? "none" : names.joined(separator: ", "))
      }
      report.add("answer", outcome.failure ?? "speaks ManageSieve", nanoseconds: elapsed)
      report.failure = outcome.failure
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }
}
