extension RecordType {
  /// What a mail user's certificate must be (RFC 8162).
  public static let smimea = RecordType(53)
}

extension RecordSchema {
  static let smimea = RecordSchema(.smimea, "SMIMEA", [.uint8, .uint8, .uint8, .hex])
}
