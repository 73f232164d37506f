import Certificates
import Configuration
import DNSCore
import DNSReplication
import Foundation
import Services
import WireKit

/// `transfer`, `update`, `tsig` and the transferred ones of `zones` in `[dns]`, as the library takes them.
enum DNSReplicationSettings {
  static func configuration(_ settings: WorkerSettings) throws -> ReplicationConfiguration {
    let section = settings.configuration.dns
    var result = ReplicationConfiguration(folder: DataFolder(settings.configuration).replication)
    result.keys = try keys(settings)
    result.outgoing = try section.transfer.map { entry in
      var networks = entry.networks
      if let to = entry.to { networks.append(IPNetwork(to.address)) }
      return ReplicationConfiguration.Outgoing(
        zone: try name(entry.zone), notify: entry.to.map { Endpoint($0.address, $0.port ?? 53) }, networks: networks,
        key: try entry.key.map { try name($0.name) })
    }
    result.incoming = try section.zones.filter { !$0.from.isEmpty }.map { zone in
      var incoming = ReplicationConfiguration.Incoming(
        zone: try name(zone.name),
        primaries: zone.from.map { Endpoint($0.address, $0.port ?? (zone.tls ? 853 : 53)) },
        key: try zone.key.map { try name($0.name) }, isSecure: zone.tls,
        isCatalog: zone.catalog)
      incoming.forwardsUpdates = zone.forwardUpdates
      if let path = zone.authority?.description { incoming.trustRoots = try authority(path) }
      return incoming
    }
    result.updates = try section.update.map { entry in
      ReplicationConfiguration.Update(
        zone: try name(entry.zone), signer: try signer(entry.key), networks: entry.networks,
        below: try entry.below.map(name),
        types: try entry.types.map { type in
          guard let type = RecordType(type.description) else {
            throw CommandFailure("dns.update: '\(type)' is no record type")
          }
          return type
        })
    }
    return result
  }

  /// Every key that this worker was given.
  static func keys(_ settings: WorkerSettings) throws -> TSIGKeyring {
    TSIGKeyring(
      try settings.transferSecrets.sorted { $0.key < $1.key }.map { entry in
        let configured = settings.configuration.dns.tsig.first { $0.name.description == entry.key }
        return try key(entry.key, configured?.algorithm ?? .hmacSHA256, entry.value)
      })
  }

  private static func key(
    _ name: String, _ algorithm: DNSKeyEntry.Algorithm, _ secret: Secret
  ) throws -> TSIGKey {
    let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
    guard let secret = Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)), secret.count >= 16,
      let algorithm = TSIGAlgorithm(rawValue: algorithm.rawValue), let name = try? Name(name)
    else {
      throw CommandFailure("dns.tsig: the secret of \(name) is no base64 of at least 16 octets")
    }
    return TSIGKey(name: name, algorithm: algorithm, secret: Array(secret))
  }

  /// The certificates of a PEM file, in DER.
  private static func authority(_ path: String) throws -> [[UInt8]] {
    let blocks = (try? PEM.blocks(in: Array(FileManager.default.contents(atPath: path) ?? Data()))) ?? []
    let certificates = blocks.filter { $0.label == "CERTIFICATE" }.map(\.bytes)
    guard !certificates.isEmpty else { throw CommandFailure("dns.zones: there is no certificate in \(path)") }
    return certificates
  }

  private static func signer(_ key: UpdateKeyName) throws -> UpdateSigner {
    switch key {
    case .shared(let key): .shared(try name(key.name))
    case .published(let owner): .published(try name(owner))
    }
  }

  private static func name(_ zone: ZoneName) throws -> Name {
    guard let name = try? Name(zone.description) else { throw CommandFailure("dns: '\(zone)' is no domain name") }
    return name
  }
}
