import Configuration
import DNSCore
import Foundation
import Services
import Supervision
import Synchronization

/// The names worker's side of SSHFP (RFC 4255): the fingerprints of this server's SSH host keys stand in our zone that holds its
/// name, and follow the keys.
final class HostKeyRecords: Sendable {
  private struct State {
    var name: Name?
    var folder = ""
    /// Looks since the last one that read the files: they change once in years, but are not there yet at the first start.
    var skipped = 0
    var seen: [ResourceRecord] = []
  }

  private static let pause = 30
  private static let ttl: UInt32 = 3_600
  private let state = Mutex(State())

  private static func isWanted(_ configuration: PortsideConfiguration) -> Bool {
    configuration.dns.publish.contains(.sshfp) && configuration.ssh.enabled && !configuration.ssh.on.isEmpty
  }

  /// What the names worker must know of SSH.
  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    guard isWanted(whole) else { return }
    (part.ssh.enabled, part.ssh.on) = (true, whole.ssh.on)
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    // The public halves alone can be read by everybody.
    if isWanted(configuration) { confinement.readPaths.append(folder.hostKeys) }
  }

  /// Returns whether there is something to look for.
  func apply(_ configuration: PortsideConfiguration, in folder: DataFolder) -> Bool {
    let isWanted = Self.isWanted(configuration)
    state.withLock { state in
      state.name = isWanted ? try? Name(configuration.server.hostname.description + ".") : nil
      state.folder = folder.hostKeys
      state.skipped = Self.pause
    }
    return isWanted
  }

  /// Takes over what has changed since it last looked.
  func look(into book: LeaseBook) {
    let records = state.withLock { state -> [ResourceRecord]? in
      state.skipped += 1
      guard state.skipped >= Self.pause || state.seen.isEmpty && state.name != nil else { return nil }
      state.skipped = 0
      let found = state.name.map { name in
        SSHHostKeys.publicKeys(state.folder).compactMap { key in
          key.fingerprintRecord.flatMap { try? RData($0, type: .sshfp) }.map { ResourceRecord(name, ttl: Self.ttl, $0) }
        }
      }
      guard let found = found ?? (state.seen.isEmpty ? nil : []), found != state.seen else { return nil }
      state.seen = found
      return found
    }
    if let records { book.publish(["ssh host": records], owner: "ssh") }
  }
}
