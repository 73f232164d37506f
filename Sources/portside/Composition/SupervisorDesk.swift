import Foundation
import Services
import Supervision
import Synchronization

/// Answers in the supervisor's process what the gate asks. Nobody else is answered: a worker that was taken over learns and changes
/// nothing here. The gate has decided who may ask before it does.
final class SupervisorDesk: Sendable {
  private struct Reference {
    weak var supervisor: Supervisor?
  }

  private let keeper: ConfigurationKeeper
  private let reference = Mutex(Reference())

  init(_ keeper: ConfigurationKeeper) { self.keeper = keeper }

  /// The supervisor is there.
  func open(_ supervisor: Supervisor) { reference.withLock { $0.supervisor = supervisor } }

  private func supervisor() throws -> Supervisor {
    guard let supervisor = reference.withLock({ $0.supervisor }) else {
      throw CommandFailure("the server is starting or stopping")
    }
    return supervisor
  }

  func reload() async throws -> ReloadReport { try await supervisor().reload() }

  func answer(_ worker: WorkerName, _ bytes: [UInt8]) async -> [UInt8] {
    guard worker == .gate, let question = try? JSONDecoder().decode(SupervisorQuestion.self, from: Data(bytes)) else {
      return []
    }
    let answer: SupervisorAnswer
    do {
      switch question {
      case .status: answer = .status(try await supervisor().status())
      case .reload: answer = .reloaded(try await reload())
      case .configuration(let request): answer = await keeper.answer(request)
      }
    } catch { return Self.encoded(.failure("\(error)")) }
    return Self.encoded(answer)
  }

  private static func encoded(_ answer: SupervisorAnswer) -> [UInt8] {
    (try? JSONEncoder().encode(answer)).map { Array($0) } ?? []
  }
}
