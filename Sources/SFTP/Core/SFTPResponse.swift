import WireKit

/// Writes responses (draft-ietf-secsh-filexfer-02 §7), each with its length field.
public struct SFTPResponse: Sendable {
  /// What we speak, and the names of the extensions with their versions (OpenSSH's PROTOCOL §4).
  public static let version: UInt32 = 3
  public static let extensions: [(name: String, version: String)] = [
    ("posix-rename@openssh.com", "1"), ("statvfs@openssh.com", "2"), ("fstatvfs@openssh.com", "2"),
    ("hardlink@openssh.com", "1"), ("fsync@openssh.com", "1"), ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"), ("expand-path@openssh.com", "1"), ("copy-data", "1"), ("home-directory", "1"),
    ("users-groups-by-id@openssh.com", "1"), ("space-available", "1"), ("check-file", "sha256,sha384,sha512,sha1,md5"),
  ]

  /// Appends a packet; `body` appends what stands behind the length field.
  private static func packet(_ output: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    let start = output.count
    output.appendInteger(UInt32(0))
    body(&output)
    output.setInteger(UInt32(truncatingIfNeeded: output.count - start - 4), at: start)
  }

  public static func version(_ output: inout [UInt8]) {
    packet(&output) {
      $0.append(2)
      $0.appendInteger(version)
      for entry in extensions {
        $0.appendSFTPString(entry.name.utf8)
        $0.appendSFTPString(entry.version.utf8)
      }
    }
  }

  public static func status(_ id: UInt32, _ status: SFTPStatus, _ text: StaticString, _ output: inout [UInt8]) {
    packet(&output) {
      $0.append(101)
      $0.appendInteger(id)
      $0.appendInteger(status.rawValue)
      $0.appendSFTPString(text.description.utf8)
      $0.appendSFTPString("".utf8)
    }
  }

  public static func handle(_ id: UInt32, _ handle: SFTPHandle, _ output: inout [UInt8]) {
    packet(&output) {
      $0.append(102)
      $0.appendInteger(id)
      $0.appendInteger(UInt32(4))
      $0.appendInteger(handle.number)
    }
  }

  /// Bytes of a data response before its data.
  public static let dataHeaderSize = 13

  /// The front of a data response, for `count` bytes that follow.
  public static func dataHeader(_ id: UInt32, count: Int) -> [UInt8] {
    var header: [UInt8] = []
    header.reserveCapacity(dataHeaderSize)
    header.appendInteger(UInt32(truncatingIfNeeded: count + 9))
    header.append(103)
    header.appendInteger(id)
    header.appendInteger(UInt32(truncatingIfNeeded: count))
    return header
  }

  /// A name with its attributes, and a line as `ls -l` shows it.
  public struct Name: Sendable, Hashable {
    public var name: [UInt8]
    public var line: [UInt8]
    public var attributes: SFTPAttributes
    public init(name: [UInt8], line: [UInt8], attributes: SFTPAttributes) {
      self.name = name
      self.line = line
      self.attributes = attributes
    }
  }

  public static func names(_ id: UInt32, _ names: [Name], _ output: inout [UInt8]) {
    packet(&output) {
      $0.append(104)
      $0.appendInteger(id)
      $0.appendInteger(UInt32(truncatingIfNeeded: names.count))
      for name in names {
        $0.appendSFTPString(name.name)
        $0.appendSFTPString(name.line)
        name.attributes.append(to: &$0)
      }
    }
  }

  public static func attributes(_ id: UInt32, _ attributes: SFTPAttributes, _ output: inout [UInt8]) {
    packet(&output) {
      $0.append(105)
      $0.appendInteger(id)
      attributes.append(to: &$0)
    }
  }

  /// The answer to an extension, whose content `body` appends.
  public static func extended(_ id: UInt32, _ output: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    packet(&output) {
      $0.append(201)
      $0.appendInteger(id)
      body(&$0)
    }
  }
}
