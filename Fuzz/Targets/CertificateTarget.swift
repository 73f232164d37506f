import Certificates
import Services
import Synchronization

extension FuzzTarget {
  static let certificate = FuzzTarget(
    "certificate", "A file is accepted with a chain and names, or refused with findings in words."
  ) { bytes in
    let der = PEMBlock(label: "CERTIFICATE", bytes: bytes)
    for file in [bytes, bytes.isEmpty ? bytes : Array(der.text.utf8)] {
      let report = try runInline {
        await CertificateImport(roots: TrustRoots(), now: WallTime(seconds: 1_800_000_000)).check(pem: file, key: nil)
      }
      try require(report.isAcceptable == report.refusals.isEmpty, "acceptable with refusals")
      try require(!report.isAcceptable || !report.chain.isEmpty, "accepted without a chain")
      for finding in report.findings { try require(!"\(finding)".isEmpty, "a finding without words") }
    }
  }

  /// Runs jobs where they come up, so that an asynchronous function which never really waits is done when its task
  /// has been made.
  private final class InlineExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }

  private final class Box<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
  }

  private static func runInline<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) throws -> Value {
    let box = Box<Value>()
    Task.detached(executorPreference: InlineExecutor()) {
      let value = await body()
      box.value.withLock { $0 = value }
    }
    guard let value = box.value.withLock({ $0 }) else { throw BrokenInvariant("the check waits for something") }
    return value
  }
}
