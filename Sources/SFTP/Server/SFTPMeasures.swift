import SFTPCore

/// What SFTP's metrics tell of.
public enum SFTPMeasures {
  public static let operations = [
    "sftp-open", "sftp-read", "sftp-write", "sftp-stat", "sftp-list", "sftp-change", "sftp-other",
  ]
}

extension SFTPService {
  static func operation(of request: SFTPRequest) -> Int {
    switch request {
    case .open: 0
    case .read: 1
    case .write: 2
    case .attributes, .handleAttributes, .realPath, .readLink, .expandPath: 3
    case .openDirectory, .readDirectory: 4
    case .remove, .makeDirectory, .removeDirectory, .rename, .symbolicLink, .hardLink, .setAttributes,
      .setHandleAttributes, .copyData:
      5
    default: 6
    }
  }
}
