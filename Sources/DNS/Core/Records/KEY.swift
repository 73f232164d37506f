extension RecordType {
  /// A host's public key, which signs its updates (RFC 2931 §2.4, RFC 3445).
  public static let key = RecordType(25)
}

extension RecordSchema {
  static let key = RecordSchema(.key, "KEY", [.uint16, .uint8, .algorithm, .base64])
}
