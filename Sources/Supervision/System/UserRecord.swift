import Glibc

/// A user of the operating system, as the name service knows it.
struct UserRecord: Hashable, Sendable {
  var user: uid_t
  /// The primary group.
  var group: gid_t

  init(named name: String) throws(SupervisionError) {
    var record = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var room = [CChar](repeating: 0, count: 16384)
    let failed = getpwnam_r(name, &record, &room, room.count, &found)
    guard failed == 0 else { throw .system("look up user \(name)", failed) }
    guard found != nil else { throw SupervisionError(.badPlan, "there is no user \(name) on this machine") }
    user = record.pw_uid
    group = record.pw_gid
  }

  /// The number of a group.
  static func group(named name: String) throws(SupervisionError) -> gid_t {
    var record = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    var room = [CChar](repeating: 0, count: 65536)
    let failed = getgrnam_r(name, &record, &room, room.count, &found)
    guard failed == 0 else { throw .system("look up group \(name)", failed) }
    guard found != nil else { throw SupervisionError(.badPlan, "there is no group \(name) on this machine") }
    return record.gr_gid
  }
}
