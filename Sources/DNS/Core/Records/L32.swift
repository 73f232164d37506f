extension RecordType {
  /// A 32-bit locator (RFC 6742 §2.2).
  public static let l32 = RecordType(105)
}

extension RecordSchema {
  static let l32 = RecordSchema(.l32, "L32", [.uint16, .ipv4])
}
