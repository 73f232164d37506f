import Files
import Foundation
import SFTPServer
import Services

/// SFTP as the user of this process, over its standard input and output: `portside sftp-server`, which the session helper
/// starts for accounts of the operating system.
enum SystemFiles {
  static func serve() -> Never {
    guard let store = try? DiskFileStore.system() else { exit(1) }
    let home = FilePath(FileManager.default.homeDirectoryForCurrentUser.path.utf8) ?? FilePath()
    exit(SFTPStandardStreams.serve(store, home: home) ? 0 : 1)
  }
}
