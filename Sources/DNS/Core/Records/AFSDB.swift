extension RecordType {
  /// An AFS or DCE server (RFC 1183 §1).
  public static let afsdb = RecordType(18)
}

extension RecordSchema {
  static let afsdb = RecordSchema(.afsdb, "AFSDB", [.uint16, .name(.legacy)], additionalNameOffset: 2)
}
