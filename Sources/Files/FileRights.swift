import Services

/// What somebody may do with the files of a mount. A value, so that a server can also ask before it says what it offers.
public struct FileRights: OptionSet, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// To see names.
  public static let list = FileRights(rawValue: 1)
  /// To read what files hold, and where links lead.
  public static let read = FileRights(rawValue: 2)
  /// To change files that exist, and attributes.
  public static let write = FileRights(rawValue: 4)
  /// To remove files and folders.
  public static let delete = FileRights(rawValue: 8)
  /// To give files and folders another name within the mount.
  public static let rename = FileRights(rawValue: 16)
  /// To make files, folders and links that did not exist.
  public static let make = FileRights(rawValue: 32)

  public static let all: FileRights = [.list, .read, .write, .delete, .rename, .make]
  public static let readOnly: FileRights = [.list, .read]

  /// The words of permissions: `files:shared:read`.
  static let words: [(word: String, right: FileRights)] = [
    ("list", .list), ("read", .readOnly), ("write", .write), ("delete", .delete), ("rename", .rename), ("make", .make),
  ]

  /// The rights that permissions below `name` give: `files:shared` gives all, `files:shared:read` lets read and list,
  /// `files:shared:make` and `files:shared:list` are a box to throw things into.
  public init(_ identity: AccountIdentity, below name: String) {
    self = []
    for (word, right) in Self.words where identity.permits("\(name):\(word)") { formUnion(right) }
  }

  public var description: String {
    Self.words.filter { $0.word == "read" ? contains(.read) : contains($0.right) }.map(\.word).joined(separator: " ")
  }
}
