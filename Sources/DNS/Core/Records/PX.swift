extension RecordType {
  /// The mapping of X.400 addresses (RFC 2163 §4).
  public static let px = RecordType(26)
}

extension RecordSchema {
  static let px = RecordSchema(.px, "PX", [.uint16, .name(.legacy), .name(.legacy)])
}
