/// Where the bodies of messages and files are kept.
public enum BlobLocation: Hashable, Sendable {
  /// In segments beside the store.
  case store
  /// In files under a folder; `nil` for one under the data folder.
  case folder(AbsolutePath?)
  /// In an S3 bucket, below a prefix.
  case bucket(String)
}

extension BlobLocation: ConfigurationText {
  public static var typeName: String { "blob store" }
  public static var form: String { "\"store\", \"file:\", \"file:/srv/blobs\" or \"s3:bucket\"" }

  public init(configuration text: String) throws(TextError) {
    if text == "store" {
      self = .store
    } else if text == "file:" {
      self = .folder(nil)
    } else if text.hasPrefix("file:"), let path = try? AbsolutePath(configuration: String(text.dropFirst(5))) {
      self = .folder(path)
    } else if text.hasPrefix("s3:"), Self.isBucket(text.dropFirst(3)) {
      self = .bucket(String(text.dropFirst(3)))
    } else {
      throw text.contains("@") ? Self.hidden() : Self.mismatch(text)
    }
  }

  private static func isBucket(_ text: Substring) -> Bool {
    let bucket = text.prefix { $0 != "/" }
    return (3...63).contains(bucket.utf8.count)
      && text.utf8.allSatisfy { ASCIIText.isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x2F || $0 == 0x5F }
  }

  public var description: String {
    switch self {
    case .store: "store"
    case .folder(let path): "file:\(path?.description ?? "")"
    case .bucket(let name): "s3:\(name)"
    }
  }
}
