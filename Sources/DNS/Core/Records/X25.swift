extension RecordType {
  /// An X.25 address (RFC 1183 §3.1).
  public static let x25 = RecordType(19)
}

extension RecordSchema {
  static let x25 = RecordSchema(.x25, "X25", [.string])
}
