extension RecordType {
  /// A geographical position (RFC 1712).
  public static let gpos = RecordType(27)
}

extension RecordSchema {
  static let gpos = RecordSchema(.gpos, "GPOS", [.string, .string, .string])
}
