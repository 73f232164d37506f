import Backup
import Configuration

extension BackupSource {
  /// Everything that a server with this configuration keeps. `file` is the configuration's own path.
  init(_ configuration: PortsideConfiguration, file: String) {
    let folder = DataFolder(configuration)
    func relative(_ path: String) -> String { String(path.dropFirst(folder.root.count + 1)) }
    self.init(
      data: folder.root, elsewhere: [file] + Self.folders(configuration),
      // Mail on its way out first: what is delivered between the two states is then in both, not in neither.
      databases: [folder.queueDatabase, folder.mailDatabase, folder.database, folder.leaseDatabase].map(relative),
      excluded: Set([folder.run, folder.mailSearch, folder.mailStaging].map(relative)).union(
        ["-wal", "-shm"].map { relative(folder.mailSearch + $0) }),
      hold: relative(folder.mailHold))
  }

  /// The folders and files that the configuration names, wherever they are.
  private static func folders(_ configuration: PortsideConfiguration) -> [String] {
    var paths = configuration.http.sites.values.compactMap { $0.root?.description }
    paths += configuration.dns.zones.compactMap { $0.file?.description }
    paths += [configuration.ssh.sftp.root, configuration.ftp.anonymous, configuration.tftp.read].compactMap {
      $0?.description
    }
    paths += [configuration.ssh.sftp.home?.description, configuration.tftp.write?.description].compactMap {
      $0.map(fixedPart)
    }
    return Set(paths).sorted()
  }

  /// The folder in front of the first placeholder.
  private static func fixedPart(_ template: String) -> String {
    guard let brace = template.firstIndex(of: "{") else { return template }
    let head = template[..<brace]
    return String(head[..<(head.lastIndex(of: "/") ?? head.startIndex)])
  }
}
