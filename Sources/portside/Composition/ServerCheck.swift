import Certificates
import Configuration
import DNSClient
import DNSCore
import DNSServer
import Foundation
import HTTPClient
import MailStores
import Services
import Supervision
import Transport
import WireKit

/// Looks at one configured server: its folders, ports, certificates, zones, workers and services.
struct ServerCheck {
  let configuration: PortsideConfiguration
  private let folder: DataFolder

  init(_ configuration: PortsideConfiguration) {
    self.configuration = configuration
    folder = DataFolder(configuration)
  }

  func run(into report: inout CheckReport) async {
    checkMissing(&report)
    let status = checkWorkers(&report)
    if status == nil { checkPorts(&report) }
    checkCertificates(&report)
    checkZones(&report)
    if configuration.ssh.isActive { checkFileFolders(&report) }
    await DHCPCheck(configuration: configuration, folder: folder).run(into: &report)
    checkMail(&report)
    await MailRecordsCheck(configuration: configuration, folder: folder).run(
      asking: status?.workers.flatMap(\.sockets).first { $0.name.hasPrefix("dns.port udp") }?.place.endpoint,
      into: &report)
    guard let status else { return }
    for socket in status.workers.flatMap(\.sockets) { await checkService(socket, &report) }
  }

  private func checkMissing(_ report: inout CheckReport) {
    for declaration in configuration.listeners() where WorkerName.running(declaration) == nil {
      report.add(
        .warning, declaration.service.rawValue, "configured, but this version does not have it yet",
        "remove \(declaration.section).on, or wait for a later version")
    }
  }

  /// The running server's status; `nil` when none runs.
  private func checkWorkers(_ report: inout CheckReport) -> SupervisorStatus? {
    guard let status = (try? SupervisorClient(path: folder.controlSocket).send(.status, secondsLimit: 5))?.status else {
      report.add(.warning, "server", "no server runs with this configuration", "portside serve --config FILE")
      return nil
    }
    for worker in status.workers {
      let isReady = worker.state == .ready
      report.add(
        isReady ? .pass : .fail, "worker \(worker.name)",
        isReady
          ? "ready since \(worker.since.rfc3339), \(worker.restarts) restarts"
          : "\(worker.state.rawValue): \(worker.remark ?? worker.lastExit ?? "no reason given")",
        "the log tells more; portside status")
    }
    return status
  }

  private func checkPorts(_ report: inout CheckReport) {
    for declaration in configuration.listeners() where WorkerName.running(declaration) != nil {
      let place: SocketPlace = declaration.transport == .tcp ? .tcp(declaration.endpoint) : .udp(declaration.endpoint)
      do {
        try SocketCheck.bindable(place)
        report.add(.pass, "\(place)", "free", nil)
      } catch {
        report.add(
          .fail, "\(place)", "\(error)", "stop that program, or change \(declaration.section).\(declaration.key)")
      }
    }
  }

  private func checkCertificates(_ report: inout CheckReport) {
    guard FileManager.default.fileExists(atPath: folder.certificates) else { return }
    do {
      let store = try GateDirectory.certificateStore(
        configuration, masterKey: try MasterKey.load(configuration), clock: SystemClock())
      let listing = try store.list()
      for certificate in listing.certificates {
        let isGood = certificate.state == .valid
        report.add(
          isGood ? .pass : certificate.state == .renewalDue ? .warning : .fail,
          "certificate \(certificate.names.joined(separator: " "))",
          "\(certificate.state.rawValue) until \(certificate.notAfter), by \(certificate.issuer)",
          "portside cert renew \(certificate.id)")
      }
      for broken in listing.broken {
        report.add(
          .fail, "certificate \(broken.file)", broken.reason, "portside cert remove, then issue or import again")
      }
    } catch {
      report.add(.fail, "certificates", "\(error)", nil)
    }
  }

  private func checkZones(_ report: inout CheckReport) {
    for zone in configuration.dns.zones {
      guard let apex = try? Name(zone.name.description) else { continue }
      let result = ZoneSource(apex: apex, .file(folder.zoneFile(zone))).load()
      for finding in result.findings {
        report.add(
          finding.severity == .error ? .fail : .warning, "zone \(zone.name)", finding.description,
          "portside zone check \(zone.name)")
      }
      if let loaded = result.zone {
        report.add(.pass, "zone \(zone.name)", "\(loaded.recordCount) records, serial \(loaded.soa.serial)", nil)
      }
    }
  }

  /// The folders of `[ssh.sftp]`: there, and open to whom the workers run as.
  private func checkFileFolders(_ report: inout CheckReport) {
    let user = configuration.server.user?.description ?? "portside"
    // In a laboratory the workers run as whoever started it, and the stores are theirs.
    var store = stat()
    stat(DataFolder(configuration).store, &store)
    for path in SSHHosting.files(configuration).folders {
      var status = stat()
      if stat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR {
        report.add(.fail, "folder \(path)", "there is no such folder", "mkdir \(path); chown \(user) \(path)")
      } else if geteuid() == 0, let record = UserAndGroup(user), status.st_uid != record.user,
        status.st_uid != store.st_uid,
        status.st_mode & 0o002 == 0,
        status.st_gid != record.group || status.st_mode & 0o020 == 0
      {
        report.add(.fail, "folder \(path)", "belongs to another user than \(user)", "chown \(user) \(path)")
      } else {
        report.add(.pass, "folder \(path)", "there", nil)
      }
    }
  }

  private func checkMail(_ report: inout CheckReport) {
    guard FileManager.default.fileExists(atPath: "\(folder.mail)/mail.sqlite") else { return }
    do {
      let result = try MailStoreCheck.run(folder: folder.mail, deep: false)
      for finding in result.findings {
        report.add(.fail, "mail store", finding.description, "portside mailbox check --deep; restore from a backup")
      }
      if result.findings.isEmpty {
        report.add(.pass, "mail store", "\(result.messages) messages in \(result.mailboxes) mailboxes, sound", nil)
      }
    } catch {
      report.add(.fail, "mail store", "\(error)", "portside mailbox check")
    }
  }

  /// Asks one running service through its own client.
  private func checkService(_ socket: SocketStatus, _ report: inout CheckReport) async {
    // By key and transport: a laboratory on other ports has the same keys.
    let declaration = configuration.listeners().first {
      socket.name.hasPrefix("\($0.section).\($0.key) \($0.transport.rawValue) ")
    }
    // There is no client of ours for DHCPv6 yet.
    guard let declaration, declaration.key != "v6_port", let endpoint = socket.place.endpoint else { return }
    let probe = ServiceProbe(
      configuration: configuration, declaration: declaration, endpoint: ServiceProbe.reachable(endpoint),
      authorityFile: folder.authorityFile)
    do {
      let answer = try await probe.run()
      report.add(.pass, "\(declaration.service.rawValue) \(socket.place)", answer, nil)
    } catch {
      report.add(
        .fail, "\(declaration.service.rawValue) \(socket.place)", "\(error)", "portside status; the log tells more")
    }
  }
}
