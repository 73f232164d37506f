import Foundation
import IMAPClient
import NIOCore
import SASLCore
import Services
import WireKit

/// `probe imap://[user:password@]host[:port]` (STARTTLS) and `imaps://…`: greeting, TLS, capabilities, log-in, the inbox.
struct IMAPProbe: Probe {
  private let target: ProbeTarget
  private let url: String
  private let isImplicit: Bool
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
    isImplicit = scheme == "imaps"
    target = try ProbeTarget(plain, standardPort: isImplicit ? 993 : 143)
    // What is shown has no password in it.
    self.url = plain
    self.credential = credential
    self.options = options
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(url)
    let start = NIODeadline.now()
    func elapsed() -> Int64 { (NIODeadline.now() - start).nanoseconds }
    do {
      let endpoint = try target.endpoint()
      let client = try await IMAPClient.connect(
        to: endpoint,
        .init(host: target.host, security: isImplicit ? .implicit : .startTLS, trustRoots: options.trustRoots))
      report.add("server", endpoint.description)
      report.add("greeting", await client.greeting, nanoseconds: elapsed())
      if let tls = await client.tls {
        report.add("TLS", tls.version)
        report.add("certificate", tls.certificate)
      }
      report.add("capabilities", await client.capabilities.sorted().joined(separator: " "))
      if let credential {
        try await client.logIn(credential.name, SASLSecret(Array(credential.password.utf8)))
        report.add("log-in", credential.name, nanoseconds: elapsed())
        let inbox = try await client.command("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)")
        report.add("inbox", inbox.untagged.first.map { String(decoding: $0, as: UTF8.self) } ?? inbox.completion)
      }
      report.add("answer", credential == nil ? "speaks IMAP" : "logged in", nanoseconds: elapsed())
      await client.close()
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }
}
