extension RecordType {
  /// A route through another host (RFC 1183 §3.3).
  public static let rt = RecordType(21)
}

extension RecordSchema {
  static let rt = RecordSchema(.rt, "RT", [.uint16, .name(.legacy)], additionalNameOffset: 2)
}
