import Foundation
import NIOCore
import SASLCore
import SMTPClient
import SMTPCore
import Services
import Synchronization
import WireKit

/// `probe smtp://host[:port]`, `submission://…`, `submissions://[user:password@]…`: greeting, capabilities, TLS, log-in.
struct SMTPProbe: Probe {
  private let target: ProbeTarget
  private let url: String
  private let scheme: String
  private let credential: (name: String, password: String)?
  private let options: ProbeOptions

  init(_ url: String, scheme: String, _ options: ProbeOptions) throws {
    var plain = url
    var credential: (name: String, password: String)?
    if let start = url.firstRange(of: "://")?.upperBound, let at = url[start...].lastIndex(of: "@") {
      let parts = url[start..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let name = String(parts[0]).removingPercentEncoding,
        let password = String(parts[1]).removingPercentEncoding
      else { throw CommandFailure("a log-in in the URL is user:password@, with %40 for an @ in the name") }
      credential = (name, password)
      plain = String(url[..<start]) + url[url.index(after: at)...]
    }
    target = try ProbeTarget(plain, standardPort: ["smtp": 25, "submission": 587, "lmtp": 24][scheme] ?? 465)
    self.url = plain
    self.scheme = scheme
    self.credential = credential
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(url)
    do {
      let endpoint = try target.endpoint()
      var configuration = SMTPClient.Configuration()
      configuration.trustRoots = options.trustRoots
      configuration.connectTime = .seconds(5)
      configuration.totalTime = .seconds(20)
      let isImplicit = scheme == "submissions"
      let plan = ClientPlan(
        helloName: "probe.invalid", security: isImplicit ? .implicit : .opportunistic,
        credential: credential.map { .password(name: $0.name, SASLSecret(Array($0.password.utf8))) },
        nonce: (0..<24).map { _ in String(Int.random(in: 0...9)) }.joined(),
        allowsPlaintextLogIn: endpoint.address.isLoopback, isLMTP: scheme == "lmtp")
      let steps = Mutex<[(text: String, nanoseconds: Int64)]>([])
      let start = NIODeadline.now()
      let outcome = await SMTPClient(configuration: configuration).perform(
        plan, at: .init(endpoint, name: target.host, verifies: !options.trustRoots.isEmpty || isImplicit)
      ) { event in
        let elapsed = (NIODeadline.now() - start).nanoseconds
        switch event {
        case .sent(let line): steps.withLock { $0.append(("C: \(line)", elapsed)) }
        case .received(let reply): steps.withLock { $0.append(("S: \(reply)", elapsed)) }
        case .finished: break
        }
      }
      report.add("server", endpoint.description)
      for step in steps.withLock({ $0 }) {
        report.add(
          String(step.text.prefix(2).dropLast()), String(step.text.dropFirst(3)), nanoseconds: step.nanoseconds)
      }
      if let version = outcome.tlsVersion { report.add("TLS", version) } else if isImplicit { report.add("TLS", "yes") }
      if let failure = outcome.failure {
        report.failure = failure.description
      } else {
        report.add("answer", outcome.isLoggedIn ? "logged in" : "speaks SMTP")
      }
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }
}
