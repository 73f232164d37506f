import Configuration
import ConsoleCore
import Services
import Supervision

/// The table of what this program serves.
enum HostedServices {
  /// A row a protocol, in the order in which they are started.
  static let all: [any HostedService.Type] = [
    DNSHosting.self, DHCPHosting.self, TFTPHosting.self, HTTPHosting.self, SSHHosting.self, FTPHosting.self,
    TelnetHosting.self, SMTPHosting.self, POP3Hosting.self, IMAPHosting.self, ManageSieveHosting.self,
    RDPHosting.self,
  ]

  /// The console commands of all protocols.
  static var commands: [Command] { all.flatMap { $0.commands } }

  /// The protocols of one worker.
  static func of(_ worker: WorkerName) -> [any HostedService.Type] { all.filter { $0.worker == worker } }

  /// The protocol that takes this socket; `nil` for what the gate serves itself, and for what this version lacks.
  static func hosting(_ declaration: ListenerDeclaration) -> (any HostedService.Type)? {
    isOfGate(declaration) ? nil : all.first { $0.services.contains(declaration.service) }
  }

  /// The metrics page and the administration are the gate's own.
  static func isOfGate(_ declaration: ListenerDeclaration) -> Bool { declaration.service == .admin }
}

extension WorkerName {
  /// The worker that runs a service; `nil` for services that this version does not have yet.
  static func running(_ declaration: ListenerDeclaration) -> WorkerName? {
    HostedServices.isOfGate(declaration) ? .gate : HostedServices.hosting(declaration)?.worker
  }
}
