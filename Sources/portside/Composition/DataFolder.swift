import Configuration
import Foundation
import Services

/// The folders below `server.data`, and who may enter them.
struct DataFolder: Sendable {
  let root: String

  init(_ configuration: PortsideConfiguration) { root = configuration.server.data.description }

  /// The database.
  var store: String { "\(root)/store" }
  var database: String { "\(store)/portside.sqlite" }
  /// Certificates with their sealed keys.
  var certificates: String { "\(root)/certificates" }
  /// The private authority's root, for clients to take.
  var authority: String { "\(root)/ca" }
  var authorityFile: String { "\(authority)/ca.pem" }
  /// The host keys of SSH, sealed.
  var hostKeys: String { "\(root)/ssh" }
  /// DHCP's leases, and what else the names worker writes.
  var leases: String { "\(root)/leases" }
  var leaseJournal: String { "\(leases)/leases.journal" }
  /// Changes of leases by the command line, until the server takes them.
  var leaseWishes: String { "\(leases)/wishes" }
  /// A file for each client that is to renew, named by its address.
  var renewals: String { "\(leases)/renewals" }
  /// What the secrets of clients are made from that may be told to renew.
  var renewalSecret: String { "\(leases)/secret" }
  /// Where earlier versions kept the leases.
  var leaseDatabase: String { "\(leases)/leases.sqlite" }
  /// Addresses kept for machines by `portside lease reserve`.
  var reservationFile: String { "\(leases)/reservations.csv" }
  /// Touched by the command line when it has changed leases or reservations.
  var leaseMark: String { "\(leases)/changed" }
  /// The names of leases at other DNS servers: what is entered there, and what waits.
  var nameUpdates: String { "\(leases)/updates.json" }
  /// Serials that the zones with leases' names stay below.
  var serialFile: String { "\(leases)/serials.json" }
  /// How far each machine has come with its network boot.
  var bootFile: String { "\(leases)/boots.json" }
  /// What the web worker knows of booting machines.
  var boots: String { "\(root)/boots" }
  var fetchFile: String { "\(boots)/fetches.json" }
  /// What the console has set, with its history.
  var configuration: String { "\(root)/configuration" }
  var zones: String { "\(root)/zones" }
  /// Journals, updates, and copies of other servers' zones.
  var replication: String { "\(root)/dns" }
  /// Keys of `portside zone key`; read by the supervisor alone.
  var transferKeys: String { "\(root)/dns-keys" }
  func transferKey(_ name: String) -> String {
    "\(transferKeys)/\(name.replacing("/", with: "_")).key"
  }
  /// The keys of the zones that are signed here, sealed.
  var zoneKeys: String { "\(root)/dnssec" }
  /// The keys of the root that are trusted, as they are replaced.
  var anchorFile: String { "\(zoneKeys)/root-anchors.json" }
  /// Mailboxes and messages.
  var mail: String { "\(root)/mail" }
  var mailDatabase: String { "\(mail)/mail.sqlite" }
  /// The index for searching text, which is made again where it is missing.
  var mailSearch: String { "\(mail)/search.sqlite" }
  /// Messages on their way in.
  var mailStaging: String { "\(mail)/blobs/staging" }
  /// Locked by a backup, so that no message's bytes go meanwhile.
  var mailHold: String { "\(mail)/hold" }
  /// The filters of accounts: `ACCOUNT.sieve`.
  var sieve: String { "\(root)/sieve" }
  /// Mail on its way out, and the keys that sign it.
  var queue: String { "\(root)/queue" }
  var queueDatabase: String { "\(queue)/queue.sqlite" }
  var signingKeys: String { "\(queue)/dkim" }
  /// What WebDAV clients say of files, by account.
  var webProperties: String { "\(root)/properties" }
  /// How much each account's folder holds.
  var counts: String { "\(root)/counts" }
  /// What one worker has other workers know: nothing in it is secret.
  var publication: String { "\(root)/publication" }
  /// What DNS and the web say of our mail domains; the mail worker's.
  var mailPublication: String { "\(publication)/mail.json" }
  /// Sockets of the running server.
  var run: String { "\(root)/run" }
  /// Where workers talk to the gate.
  var gateSocket: String { "\(run)/gate.sock" }
  /// Where the web worker asks for names, for DNS over HTTPS.
  var dnsSocket: String { "\(run)/dns.sock" }
  /// Where the web worker reaches what the gate itself answers: the administration pages, the private authority.
  var webSocket: String { "\(run)/web.sock" }
  /// Where sessions of the operating system's accounts are asked for.
  var sessionSocket: String { "\(run)/sessions.sock" }
  /// Where the command line administers.
  var adminSocket: String { "\(run)/admin.sock" }
  /// Where the command line talks to the supervisor.
  var controlSocket: String { "\(run)/control.sock" }

  /// The zone's file, where the configuration names no other.
  func zoneFile(_ zone: DNSZone) -> String { zone.file?.description ?? "\(zones)/\(zone.name).zone" }

  /// Makes what is missing. As root, what the workers write is given to their user.
  func prepare(for user: UserAndGroup?) throws {
    try make(root, mode: 0o755, owner: nil)
    try make(store, mode: 0o700, owner: user)
    try make(certificates, mode: 0o700, owner: user)
    try make(authority, mode: 0o755, owner: user)
    try make(leases, mode: 0o700, owner: user)
    try make(renewals, mode: 0o700, owner: user)
    try make(boots, mode: 0o700, owner: user)
    try make(zones, mode: 0o755, owner: nil)
    try make(replication, mode: 0o700, owner: user)
    try make(transferKeys, mode: 0o700, owner: nil)
    try make(zoneKeys, mode: 0o700, owner: user)
    try make(hostKeys, mode: 0o755, owner: user)
    try make(mail, mode: 0o700, owner: user)
    try make(queue, mode: 0o700, owner: user)
    try make(sieve, mode: 0o700, owner: user)
    try make(webProperties, mode: 0o700, owner: user)
    try make(configuration, mode: 0o700, owner: nil)
    try make(counts, mode: 0o700, owner: user)
    try make(publication, mode: 0o755, owner: user)
    try make(run, mode: 0o711, owner: nil)
    guard "\(controlSocket)".utf8.count <= 107 else {
      throw CommandFailure("server.data: \(root) is too long: a socket's path has 107 bytes at most")
    }
  }

  /// Who the stores belong to; `nil` before there are any.
  var storeOwner: uid_t? {
    var status = stat()
    return stat(store, &status) == 0 ? status.st_uid : nil
  }

  /// As root, becomes the user that the stores belong to: files that root made there would be closed to the workers.
  func becomeOwner() throws {
    guard geteuid() == 0 else { return }
    var status = stat()
    guard stat(store, &status) == 0, status.st_uid != 0 else { return }
    guard setegid(status.st_gid) == 0, seteuid(status.st_uid) == 0 else {
      throw CommandFailure("can't become the owner of \(store): \(String(cString: strerror(errno)))")
    }
  }

  /// Runs the body as the user that the stores belong to, and is root again afterwards.
  func asOwner<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
    var status = stat()
    guard geteuid() == 0, stat(store, &status) == 0, status.st_uid != 0 else { return try body() }
    setegid(status.st_gid)
    seteuid(status.st_uid)
    defer {
      seteuid(0)
      setegid(0)
    }
    try body()
  }

  private func make(_ path: String, mode: mode_t, owner: UserAndGroup?) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: Int(mode)])
    } catch {
      throw CommandFailure("can't make the folder \(path): \(error.localizedDescription)")
    }
    guard let owner else { return }
    guard chown(path, owner.user, owner.group) == 0 else {
      throw CommandFailure("can't give \(path) to user \(owner.name): \(String(cString: strerror(errno)))")
    }
  }
}

/// A user of the system, with its main group.
struct UserAndGroup: Sendable {
  var name: String
  var user: uid_t
  var group: gid_t

  /// `nil` when the system knows no such user.
  init?(_ name: String) {
    guard let entry = getpwnam(name) else { return nil }
    self.name = name
    user = entry.pointee.pw_uid
    group = entry.pointee.pw_gid
  }
}
