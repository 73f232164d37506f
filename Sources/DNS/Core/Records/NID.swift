extension RecordType {
  /// A node identifier (RFC 6742 §2.1).
  public static let nid = RecordType(104)
}

extension RecordSchema {
  static let nid = RecordSchema(.nid, "NID", [.uint16, .locator64])
}
