import Certificates
import Configuration
import ConsoleCore
import Gate
import Operation
import Services

/// Answers the console commands that the gate's process knows about, beside the administration's.
struct GateAnswers: Sendable {
  let configuration: PortsideConfiguration
  let certificates: CertificateService
  let metrics: ProcessMetrics
  let recent: RecentEvents
  let board: WorkerBoard
  let supervisor: SupervisorLink
  let trail: AuditTrail
  let clock: any Services.Clock

  var handlers: [String: GateConsole.Handler] {
    var handlers: [String: GateConsole.Handler] = [
      ProgramCommands.certificates.name: { question, _ in showCertificates(question) },
      ProgramCommands.counters.name: { question, _ in await showCounters(question) },
      ProgramCommands.log.name: { question, _ in showLog(question) },
      ProgramCommands.logFollow.name: { question, _ in await followLog(question) },
      ProgramCommands.configuration.name: { question, _ in await showConfiguration(question) },
      ProgramCommands.reload.name: { question, caller in await reload(question, caller) },
      ProgramCommands.processes.name: { question, _ in await showProcesses(question) },
    ]
    for command in ConfigureCommands.all {
      handlers[command.name] = { question, caller in await configure(question, caller) }
    }
    return handlers
  }

  private func showCertificates(_ question: ConsoleQuestion) -> ConsoleAnswer {
    do {
      let rows = try certificates.store.list().certificates.map { certificate in
        [
          certificate.id, certificate.names.joined(separator: " "), certificate.issuer, certificate.notAfter,
          certificate.state.rawValue, certificate.services.map(\.rawValue).sorted().joined(separator: " "),
        ]
      }
      return question.page(ProgramCommands.certificates.columns, rows)
    } catch { return .failure("the certificates can't be read: \(error)") }
  }

  /// Samples of the Prometheus text form: `name{label="value",…} number`.
  private func showCounters(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    let texts = [metrics.text, await supervisor.metrics()] + (await board.collectMetrics())
    let part = question.values.first?.lowercased() ?? ""
    let rows = MetricsText.merged(texts).split(separator: "\n").compactMap { line -> [String]? in
      guard !line.hasPrefix("#"), let blank = line.lastIndex(of: " ") else { return nil }
      let name = line[..<(line.firstIndex(of: "{") ?? blank)]
      // The parts of a histogram are for programs.
      guard !name.hasSuffix("_bucket"), part.isEmpty || name.lowercased().contains(part) else { return nil }
      let labels = line[name.endIndex..<blank].filter { !"{}\"".contains($0) }.replacing(",", with: " ")
      return [String(name), labels, String(line[line.index(after: blank)...])]
    }
    return question.page(ProgramCommands.counters.columns, rows)
  }

  private func showLog(_ question: ConsoleQuestion) -> ConsoleAnswer {
    let count = question.values.first.flatMap { Int($0) } ?? 100
    return question.page(ProgramCommands.log.columns, recent.last(count).map(Self.row))
  }

  private static func row(_ event: Event) -> [String] {
    var details = event.fields.map { "\($0.name)=\($0.value.text)" }
    if let account = event.account { details.insert("account=\(account)", at: 0) }
    if let peer = event.peer { details.insert("peer=\(peer)", at: 0) }
    if let session = event.session { details.insert("session=\(session)", at: 0) }
    return [
      CivilTime(event.time).rfc3339, event.severity.name, event.service?.rawValue ?? "portside", event.message,
      details.joined(separator: " "),
    ]
  }

  /// Waits until there is something to tell, for a while; the console then asks again from where this ends.
  private func followLog(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    var from = question.after.flatMap { Int($0) } ?? max(0, recent.next - 10)
    for _ in 0..<100 {
      let (events, next) = recent.events(from: from, limit: 100)
      from = next
      if !events.isEmpty || question.after == nil {
        return .listing(
          Listing(columns: ProgramCommands.log.columns, rows: events.map(Self.row), next: "\(next)"))
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch { break }
    }
    return .listing(Listing(columns: ProgramCommands.log.columns, rows: [], next: "\(from)"))
  }

  /// Each worker tells its own sections; what several have is shown once.
  private func showConfiguration(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    var rows = ProgramCommands.rows(of: configuration)
    var whole = question
    whole.after = nil
    while case .listing(let listing) = await board.ask(whole) {
      rows += listing.rows
      guard let next = listing.next else { break }
      whole.after = next
    }
    var seen: Set<String> = []
    rows = rows.filter { seen.insert($0[0]).inserted }
    if let section = question.values.first { rows = rows.filter { $0[0] == section || $0[0].hasPrefix("\(section).") } }
    return question.page(ProgramCommands.configuration.columns, rows.sorted { $0[0] < $1[0] })
  }
}
