import Services

/// Runs workers: binds their sockets, starts them, starts them again, and gives them what a new plan says.
///
/// It works on a thread of its own and parses nothing from the network. When the last reference to it is gone, it stops.
public final class Supervisor: Sendable {
  private let mailbox: Mailbox

  private init(_ mailbox: Mailbox) { self.mailbox = mailbox }

  deinit { mailbox.post(.stop) }

  /// Binds every socket of the plan and starts its workers. Throws, with nothing left behind, when the plan can't be:
  /// an address is taken (and by whom), a user is unknown.
  ///
  /// `loadPlan` is asked for the next plan at each reload; an error that it throws is who reloads' to read, and the old
  /// plan stays in force.
  public static func start(
    _ plan: SupervisionPlan, options: SupervisorOptions = SupervisorOptions(), events: any EventSink,
    clock: any Services.Clock, loadPlan: @escaping @Sendable () async throws -> SupervisionPlan
  ) async throws(SupervisionError) -> Supervisor {
    let mailbox = try Mailbox()
    let outcome: Result<Void, SupervisionError> = await withCheckedContinuation { continuation in
      do throws(SupervisionError) {
        try SystemThread.start("supervisor") {
          do throws(SupervisionError) {
            let loop = try SupervisorLoop(
              plan, options: options, events: events, clock: clock, mailbox: mailbox, loadPlan: loadPlan)
            continuation.resume(returning: .success(()))
            loop.run()
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    try outcome.get()
    return Supervisor(mailbox)
  }

  /// What everybody does at the moment.
  public func status() async throws(SupervisionError) -> SupervisorStatus {
    try await ask { .status($0) }
  }

  /// The status once every worker is ready, or counts as failing.
  public func whenReady() async throws(SupervisionError) -> SupervisorStatus {
    try await ask { .whenReady($0) }
  }

  /// Loads the plan again and puts its differences into force. Throws when it is refused; then nothing has changed.
  public func reload() async throws(SupervisionError) -> ReloadReport {
    try await ask { .reload($0) }
  }

  /// Drains the workers and returns when all have ended, which takes as long as `drainLimit` at most.
  public func stop() async {
    mailbox.post(.stop)
    await whenStopped()
  }

  /// Returns when everything has ended, whoever asked for it: `stop`, a signal, the command line.
  public func whenStopped() async {
    _ = try? await ask { .whenStopped($0) }
  }

  private func ask<Value: Sendable>(
    _ request: (@escaping Mailbox.Reply<Value>) -> Mailbox.Request
  ) async throws(SupervisionError) -> Value {
    let result: Result<Value, SupervisionError> = await withCheckedContinuation { continuation in
      mailbox.post(request { continuation.resume(returning: $0) })
    }
    return try result.get()
  }
}
