extension RecordType {
  /// The key that the child wants its parent to make a DS of (RFC 7344 §3.2).
  public static let cdnskey = RecordType(60)
}

extension RecordSchema {
  static let cdnskey = RecordSchema(.cdnskey, "CDNSKEY", [.uint16, .uint8, .algorithm, .base64])
}
