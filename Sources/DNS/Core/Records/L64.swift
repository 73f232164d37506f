extension RecordType {
  /// A 64-bit locator (RFC 6742 §2.3).
  public static let l64 = RecordType(106)
}

extension RecordSchema {
  static let l64 = RecordSchema(.l64, "L64", [.uint16, .locator64])
}
