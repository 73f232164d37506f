extension RecordType {
  /// A mailbox's other name (RFC 1035 §3.3.8; experimental).
  public static let mr = RecordType(9)
}

extension RecordSchema {
  static let mr = RecordSchema(.mr, "MR", [.name(.compressible)])
}
