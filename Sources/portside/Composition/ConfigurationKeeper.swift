import Configuration
import Foundation
import Services
import Supervision

/// Keeps what the console sets: the candidate, the version in force, the history. It lives in the supervisor's process, so that a
/// version that nobody confirms goes back also when the worker that asked for it is gone.
///
/// The versions are on disk before they are in force; after a restart of the supervisor the newest one is, and one whose time to be
/// confirmed has passed is not.
actor ConfigurationKeeper {
  typealias Reload = @Sendable () async throws -> ReloadReport

  private let folder: ConfigurationFolder
  private let file: ConfigurationFile
  private let clock: any Services.Clock
  private var versions: [ConfigurationVersion]
  private var candidate: ConfigurationCandidate?
  private var unconfirmed: UnconfirmedVersion?
  private var reload: Reload?
  /// A commit is under way: nothing else may begin.
  private var isCommitting = false

  /// Reads the folder. A version that was to be confirmed by now goes back here.
  init(_ path: String, file: ConfigurationFile, clock: any Services.Clock) throws {
    folder = ConfigurationFolder(path: path)
    self.file = file
    self.clock = clock
    versions = try folder.load()
    if versions.first.map({ $0.number == 1 }) ?? true {
      versions.insert(.first(at: versions.first?.time ?? clock.wallTime()), at: 0)
    }
    candidate = try folder.candidate
    unconfirmed = try folder.unconfirmed
    guard let waiting = unconfirmed else { return }
    let newest = versions[versions.count - 1].number
    guard waiting.number == newest, waiting.deadline <= clock.wallTime() else {
      // Written, and then the version was not: there is nothing to take back.
      if waiting.number != newest {
        unconfirmed = nil
        try folder.save(UnconfirmedVersion?.none)
      }
      return
    }
    let version = try Self.reversal(of: waiting, versions, at: clock.wallTime())
    try folder.add(version)
    versions.append(version)
    unconfirmed = nil
    try folder.save(UnconfirmedVersion?.none)
  }

  /// What is in force.
  var overlay: ConfigurationOverlay { current.overlay }
  /// The newest versions, the one in force last: for the gate, which keeps the audit trail.
  var newest: [ConfigurationVersion] { Array(versions.dropFirst().suffix(5)) }
  private var current: ConfigurationVersion { versions[versions.count - 1] }

  /// Begins to watch over a version that waits to be confirmed.
  func begin(reload: @escaping Reload) {
    self.reload = reload
    watch()
  }

  func answer(_ request: ConfigurationRequest) async -> SupervisorAnswer {
    do {
      switch request {
      case .show(let key): return .rows(try show(key))
      case .keys: return .rows(ConfigurationKeys.all.map { [$0.path, $0.meaning] })
      case .set(let key, let value): return .done(try set(key, value))
      case .delete(let key): return .done(try delete(key))
      case .compare(let back): return .rows(try draft.difference(from: version(back: back).overlay).map { [$0] })
      case .check: return .done(try check(draft).joined(separator: "\n"))
      case .commit(let minutes, let comment, let actor):
        return .done(try await commit(confirmMinutes: minutes, comment: comment, actor))
      case .discard:
        try change(nil)
        return .done("the candidate is as what is in force again")
      case .rollback(let back): return .done(try rollback(back))
      case .history: return .rows(history)
      }
    } catch { return .failure("\(error)") }
  }

  // MARK: The candidate

  private var draft: ConfigurationOverlay {
    candidate.flatMap { try? ConfigurationOverlay(parsing: $0.text) } ?? current.overlay
  }

  private func change(_ overlay: ConfigurationOverlay?) throws {
    guard !isCommitting else { throw CommandFailure("a commit is under way; try again") }
    try save(overlay)
  }

  private func save(_ overlay: ConfigurationOverlay?) throws {
    guard let overlay, overlay != current.overlay else {
      candidate = nil
      return try folder.save(ConfigurationCandidate?.none)
    }
    let next = ConfigurationCandidate(base: candidate?.base ?? current.number, text: overlay.text)
    try folder.save(next)
    candidate = next
  }

  private func path(_ key: String) throws -> ConfigurationPath {
    guard let path = ConfigurationKeys.path(key) else {
      throw CommandFailure("there is no key '\(key)'; 'configure keys' shows all of them")
    }
    return path
  }

  private func set(_ key: String, _ value: String) throws -> String {
    let path = try path(key)
    if let owner = try file.read().owner(of: path) {
      throw CommandFailure("\(path) is managed by the file, and read-only here: \(owner)")
    }
    if ConfigurationKeys.needsRestart(path) {
      throw CommandFailure("\(path) needs a restart: the file sets it, or nobody")
    }
    var overlay = draft
    do { try overlay.set(path, to: value) } catch {
      throw CommandFailure("\(path): \(error.message)" + (error.hint.map { "; \($0)" } ?? ""))
    }
    // What is wrong with this key is said at once; what is missing beside it, when the whole is checked.
    let loaded = try file.read(overlay: overlay)
    let findings = loaded.valueFindings.filter { finding in
      finding.severity == .error && finding.path.map { $0.starts(with: path) } ?? false
    }
    guard findings.isEmpty else { throw CommandFailure(findings.map(\.message).joined(separator: "\n")) }
    try change(overlay)
    return "\(path) = \(overlay.entries.first { $0.path == path }.map { "\($0.value)" } ?? "")"
  }

  private func delete(_ key: String) throws -> String {
    let path = try path(key)
    var overlay = draft
    let count = overlay.remove(path)
    guard count > 0 else {
      if let owner = try file.read().owner(of: path) {
        throw CommandFailure("\(path) is managed by the file, and read-only here: \(owner)")
      }
      throw CommandFailure("\(path) is not set by the console")
    }
    try change(overlay)
    return count == 1 ? "\(path) is back to its default" : "\(count) keys are gone"
  }

  /// Keys that are not at their defaults, with the candidate's; and who manages each.
  private func show(_ key: String?) throws -> [[String]] {
    let overlay = draft
    let loaded = try file.read(overlay: overlay)
    let section = try key.map(path)
    guard let configuration = loaded.configuration else {
      return overlay.entries.map { ["\($0.path)", "\($0.value)", "console"] }
    }
    let difference = ConfigurationDifference(from: PortsideConfiguration(), to: configuration)
    let own = Set(overlay.entries.map(\.path))
    return difference.changes.compactMap { change in
      guard let value = change.new, section.map({ change.path.starts(with: $0) }) ?? true else { return nil }
      // An object that holds but one thing is shown in its short form.
      let isOwn = own.contains { change.path.starts(with: $0) || $0.starts(with: change.path) }
      return ["\(change.path)", "\(value)", isOwn ? "console" : "file (read-only)"]
    }
  }

  /// What would keep it from being in force; throws when something would.
  private func check(_ overlay: ConfigurationOverlay) throws -> [String] {
    let loaded = try file.read(overlay: overlay)
    let problems = loaded.findings.map(loaded.describe)
    guard loaded.configuration != nil else { throw CommandFailure(problems.joined(separator: "\n")) }
    return problems + ["the candidate is right: \(overlay.difference(from: current.overlay).count) changes"]
  }

  private func rollback(_ back: Int) throws -> String {
    let version = try version(back: back)
    try change(version.overlay)
    return candidate == nil
      ? "the candidate is as what is in force"
      : "the candidate is as version \(version.number) was; 'configure commit' puts it into force"
  }

  private func version(back: Int) throws -> ConfigurationVersion {
    guard versions.indices.contains(versions.count - 1 - back) else {
      throw CommandFailure("there are \(versions.count - 1) versions before the one in force")
    }
    return versions[versions.count - 1 - back]
  }

  private var history: [[String]] {
    versions.reversed().enumerated().map { back, version in
      let state = version.number == unconfirmed?.number ? "waits to be confirmed" : back == 0 ? "in force" : ""
      return [
        "\(back)", "\(version.number)", version.time.rfc3339, version.actor.account, state, version.reason,
        "\(version.difference.count)",
      ]
    }
  }

  // MARK: Into force

  private func commit(
    confirmMinutes: Int?, comment: String?, _ actor: ConfigurationActor
  ) async throws -> String {
    guard !isCommitting else { throw CommandFailure("another commit is under way") }
    isCommitting = true
    defer { isCommitting = false }
    var words: [String] = []
    if let waiting = unconfirmed, waiting.number == current.number {
      unconfirmed = nil
      try folder.save(UnconfirmedVersion?.none)
      words.append("version \(waiting.number) is confirmed")
    }
    let overlay = draft
    guard overlay != current.overlay else {
      guard words.isEmpty else { return words.joined(separator: "\n") }
      throw CommandFailure("there is nothing to commit: the candidate is what is in force")
    }
    if let candidate, candidate.base != current.number {
      words.append(
        "since the candidate was begun, version \(current.number) came into force; the candidate replaces it")
    }
    words += try check(overlay).dropLast()
    let reason = comment.map { "commit: \($0)" } ?? "commit"
    let version = ConfigurationVersion(
      number: current.number + 1, time: clock.wallTime(), actor: actor, reason: reason, text: overlay.text,
      difference: overlay.difference(from: current.overlay))
    let report = try await enter(version, confirmMinutes: confirmMinutes)
    try save(nil)
    words += report.problems.map { "problem: \($0)" }
    words.append("version \(version.number) is in force")
    if let confirmMinutes {
      words.append(
        "unless 'configure commit' confirms it within \(confirmMinutes) minutes, version \(version.number - 1) comes back"
      )
    }
    return words.joined(separator: "\n")
  }

  /// Writes a version and has it put into force. When that is refused, everything is as before.
  private func enter(_ version: ConfigurationVersion, confirmMinutes: Int?) async throws -> ReloadReport {
    let previous = current
    if let confirmMinutes {
      // First, so that there is no moment at which a version is in force and nobody knows that it waits.
      let waiting = UnconfirmedVersion(
        number: version.number, previous: previous.number, deadline: clock.wallTime() + .seconds(60 * confirmMinutes))
      try folder.save(waiting)
      unconfirmed = waiting
    }
    try folder.add(version)
    versions.append(version)
    do {
      guard let reload else { throw CommandFailure("the server is still starting") }
      let report = try await reload()
      watch()
      return report
    } catch {
      versions.removeLast()
      try folder.remove(version)
      unconfirmed = nil
      try folder.save(UnconfirmedVersion?.none)
      throw CommandFailure("refused; version \(previous.number) goes on: \(error)")
    }
  }

  /// Sees to it that a version that is not confirmed goes back.
  private func watch() {
    guard let waiting = unconfirmed else { return }
    let rest = max(.zero, waiting.deadline - clock.wallTime())
    Task { [weak self] in
      try? await Task.sleep(for: rest)
      await self?.expire(waiting)
    }
  }

  private func expire(_ waiting: UnconfirmedVersion) async {
    guard unconfirmed == waiting, current.number == waiting.number else { return }
    // The clock may have been set back: it is the time of day that counts.
    guard waiting.deadline <= clock.wallTime() else { return watch() }
    do {
      let version = try Self.reversal(of: waiting, versions, at: clock.wallTime())
      try folder.add(version)
      versions.append(version)
      unconfirmed = nil
      try folder.save(UnconfirmedVersion?.none)
      _ = try await reload?()
    } catch {
      Terminal.note("portside: version \(waiting.number) could not be taken back: \(error)")
    }
  }

  private static func reversal(
    of waiting: UnconfirmedVersion, _ versions: [ConfigurationVersion], at time: WallTime
  ) throws -> ConfigurationVersion {
    guard let now = versions.last else { throw CommandFailure("there is no version") }
    // Before the first version there was the file alone.
    let before = versions.first { $0.number == waiting.previous } ?? .first(at: time)
    return ConfigurationVersion(
      number: now.number + 1, time: time, actor: .supervisor,
      reason: "version \(waiting.number) was not confirmed in time: back to version \(before.number)",
      text: before.text, difference: before.overlay.difference(from: now.overlay))
  }
}
