extension RecordType {
  /// A naming authority pointer (RFC 3403 §4).
  public static let naptr = RecordType(35)
}

extension RecordSchema {
  static let naptr = RecordSchema(.naptr, "NAPTR", [.uint16, .uint16, .string, .string, .string, .name(.legacy)])
}
