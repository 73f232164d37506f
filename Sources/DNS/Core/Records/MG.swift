extension RecordType {
  /// A member of a mail group (RFC 1035 §3.3.6; experimental).
  public static let mg = RecordType(8)
}

extension RecordSchema {
  static let mg = RecordSchema(.mg, "MG", [.name(.compressible)])
}
