import Glibc
import SystemShims

extension Confinement {
  /// Confines the calling thread and all that it will start, for good.
  ///
  /// To be called while the process has one thread only: Landlock and capabilities are each thread's own. A switch of
  /// user that fails, or privileges that can't be dropped, throw: the worker must not go on then. What an older kernel
  /// lacks is reported instead.
  public func apply() throws(SupervisionError) -> ConfinementReport {
    let threads = TextFile.names(in: "/proc/self/task").count { $0.first?.isNumber == true }
    guard threads <= 1 else {
      throw SupervisionError(
        .system, "confinement: \(threads) threads run already; it must come first in main, before any async code")
    }
    var report = ConfinementReport()
    let kept = capabilities.reduce(0) { $0 | $1.bit }
    let bounded = portside_bound_capabilities(kept)
    try switchUser(&report)
    try check("no_new_privs", portside_no_new_privileges())
    try check("forbid core dumps", portside_not_dumpable())
    report.inForce.append("no_new_privs")
    try dropCapabilities(kept, bounded, &report)
    confineFiles(&report)
    let filtered = portside_seccomp(maySpawn ? 1 : 0)
    if filtered == 0 {
      report.inForce.append("seccomp: yes\(maySpawn ? ", may spawn" : "")")
    } else {
      report.refused.append("seccomp (\(errorText(-filtered)))")
    }
    return report
  }

  private func switchUser(_ report: inout ConfinementReport) throws(SupervisionError) {
    guard let user else { return }
    guard geteuid() == 0 else {
      report.refused.append("user \(user) (the supervisor is not root)")
      return
    }
    let record = try UserRecord(named: user)
    let group = if let name = self.group { try UserRecord.group(named: name) } else { record.group }
    try check("become user \(user)", portside_become(record.user, group))
    report.inForce.append("user \(user)")
  }

  private func dropCapabilities(
    _ kept: UInt64, _ bounded: Int32, _ report: inout ConfinementReport
  ) throws(SupervisionError) {
    var held: UInt64 = 0
    try check("drop capabilities", portside_keep_capabilities(kept, &held))
    let names = capabilities.filter { held & $0.bit != 0 }.map(\.description).sorted()
    report.inForce.append("capabilities: \(names.isEmpty ? "none" : names.joined(separator: " "))")
    for missing in capabilities where held & missing.bit == 0 {
      report.refused.append("capability \(missing) (the supervisor has not got it)")
    }
    // Without CAP_SETPCAP the bounding set stays, which no_new_privs makes harmless.
    if bounded != 0, bounded != -EPERM { report.refused.append("bounding set (\(errorText(-bounded)))") }
  }

  private func confineFiles(_ report: inout ConfinementReport) {
    guard !mayTouchAll else {
      report.inForce.append("files and ports: whatever its user may touch")
      return
    }
    let landlock: Landlock
    do throws(SupervisionError) {
      landlock = try Landlock.begin(self)
    } catch {
      report.refused.append(error.description)
      return
    }
    let reading: Landlock.FileAccess = maySpawn ? [.readFile, .readFolder, .execute] : [.readFile, .readFolder]
    let writing: Landlock.FileAccess = [.readFile, .readFolder, .writeFile, .truncate, .changeFolder]
    // Not every system has all of these.
    for path in Self.runtimePaths { _ = landlock.permit(path, reading) }
    _ = landlock.permit("/dev/null", [.readFile, .writeFile])
    // libdispatch reads /proc/TID/stat of its threads and traps when it may not. Files only, no listing; what is secret
    // there (mem, environ, fd) needs ptrace access, which Landlock refuses towards processes outside.
    _ = landlock.permit("/proc", .readFile)
    for (path, access) in readPaths.map({ ($0, reading) }) + writePaths.map({ ($0, writing) }) {
      let failed = landlock.permit(path, access)
      if failed != 0 { report.refused.append("path \(path) (\(errorText(failed)))") }
    }
    if landlock.abi >= 4 {
      let ports =
        (bindPorts ?? []).map { ($0, Landlock.bindPort) } + (connectPorts ?? []).map { ($0, Landlock.connectPort) }
      for (port, access) in ports {
        let failed = landlock.permit(port: port, access)
        if failed != 0 { report.refused.append("port \(port) (\(errorText(failed)))") }
      }
    } else if bindPorts != nil || connectPorts != nil {
      report.refused.append("ports (landlock abi \(landlock.abi) knows none)")
    }
    let failed = landlock.restrict()
    if failed == 0 {
      report.inForce.append("landlock abi \(landlock.abi): \(readPaths.count) read, \(writePaths.count) write")
    } else {
      report.refused.append("landlock (\(errorText(failed)))")
    }
  }

  private func check(_ attempt: String, _ result: Int32) throws(SupervisionError) {
    if result != 0 { throw .system(attempt, -result) }
  }
}
