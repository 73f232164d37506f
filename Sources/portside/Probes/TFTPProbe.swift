import Foundation
import TFTPClient
import TFTPCore
import WireKit

/// `probe tftp://server[:port]/file`: the file is read, and thrown away.
struct TFTPProbe: Probe {
  private let target: ProbeTarget
  private let file: String

  init(_ url: String) throws {
    target = try ProbeTarget(url, standardPort: 69)
    file = target.path.joined(separator: "/")
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    let start = ContinuousClock.now
    do {
      let server = try target.endpoint()
      report.add("server", server.description)
      var client = TFTPClient(server: server)
      client.options.limits.maximumRetries = 3
      do throws(TransferFailure) {
        let bytes = try await client.read(file.isEmpty ? Self.nothing : file)
        report.add("answer", "\(bytes.count) bytes", nanoseconds: (ContinuousClock.now - start).wholeNanoseconds)
      } catch {
        // Without a file: a server that says there is none is a server.
        guard file.isEmpty, error.origin == .peer, error.code == .fileNotFound else { throw error }
        report.add("answer", "no such file", nanoseconds: (ContinuousClock.now - start).wholeNanoseconds)
      }
    } catch {
      report.failure = "\(error)"
    }
    return report
  }

  private static let nothing = "portside-probe-\(UInt32.random(in: 0 ... .max))"
}
