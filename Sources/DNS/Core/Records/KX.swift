extension RecordType {
  /// A key exchanger (RFC 2230).
  public static let kx = RecordType(36)
}

extension RecordSchema {
  static let kx = RecordSchema(.kx, "KX", [.uint16, .name(.legacy)], additionalNameOffset: 2)
}
