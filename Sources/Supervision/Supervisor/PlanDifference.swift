/// What has to happen to the workers of one plan so that they become those of another.
struct PlanDifference {
  enum Step: Hashable {
    case keep
    /// New sockets or configuration for the same process.
    case tell
    /// Another process, because its confinement is another.
    case replace
    case start
  }

  /// In the order of the new plan.
  private(set) var steps: [(plan: WorkerPlan, step: Step)] = []
  private(set) var stopped: [WorkerName] = []

  init(from old: SupervisionPlan, to new: SupervisionPlan) {
    for plan in new.workers {
      guard let before = old.workers.first(where: { $0.name == plan.name }) else {
        steps.append((plan, .start))
        continue
      }
      let step: Step = before == plan ? .keep : before.confinement == plan.confinement ? .tell : .replace
      steps.append((plan, step))
    }
    stopped = old.workers.map(\.name).filter { name in !new.workers.contains { $0.name == name } }
  }
}
