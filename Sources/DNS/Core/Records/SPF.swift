extension RecordType {
  /// Sender policy in a type of its own (RFC 7208 §3.1: no longer in use).
  public static let spf = RecordType(99)
}

extension RecordSchema {
  static let spf = RecordSchema(.spf, "SPF", [.strings])
}
