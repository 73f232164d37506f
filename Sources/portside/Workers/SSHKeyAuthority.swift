import Configuration
import Foundation
import Gate
import SSHCore
import Services
import Synchronization

/// The authorities of `[auth] ssh_authorities`, and the list of `[auth] ssh_revoked`, which is read again when it changes.
final class SSHKeyAuthority: KeyAuthority {
  private struct Loaded {
    var stamp: [Int] = []
    /// `nil` while the file can't be read: nothing is believed then.
    var list: KeyRevocationList?
  }

  private let authorities: Set<PublicKey>
  private let revokedFile: String?
  private let loaded = Mutex(Loaded())

  init(_ section: AuthSection) throws {
    authorities = Set(
      try section.sshAuthorities.map { line in
        guard let key = PublicKey(line: line.description) else {
          throw CommandFailure("auth.ssh_authorities: '\(line)' is no public key of a kind that can sign certificates")
        }
        return key
      })
    revokedFile = section.sshRevoked?.description
  }

  func isRevoked(_ blob: [UInt8]) -> Bool {
    guard let revokedFile else { return false }
    // A list that can't be read revokes everything: OpenSSH does the same.
    guard let list = list(revokedFile) else { return true }
    if let certificate = try? KeyCertificate(blob: blob) { return list.revokes(certificate) }
    return (try? PublicKey(blob: blob)).map(list.revokes) ?? false
  }

  func certificate(_ blob: [UInt8], at time: WallTime) -> VouchedKey? {
    guard !authorities.isEmpty, let certificate = try? KeyCertificate(blob: blob), certificate.kind == .user,
      authorities.contains(certificate.authority), let options = certificate.restrictions,
      let now = UInt64(exactly: time.seconds), now >= certificate.validAfter, now < certificate.validBefore
    else { return nil }
    return VouchedKey(
      principals: certificate.principals, options: options,
      description: "certificate \"\(certificate.identifier.prefix(100))\" serial \(certificate.serial) by "
        + certificate.authority.fingerprint)
  }

  private func list(_ path: String) -> KeyRevocationList? {
    var status = stat()
    let stamp =
      stat(path, &status) == 0
      ? [Int(status.st_ino), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec] : []
    return loaded.withLock { loaded in
      guard stamp != loaded.stamp || stamp.isEmpty else { return loaded.list }
      loaded.stamp = stamp
      loaded.list = FileManager.default.contents(atPath: path).flatMap { try? KeyRevocationList(file: [UInt8]($0)) }
      return loaded.list
    }
  }
}
