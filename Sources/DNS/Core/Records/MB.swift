extension RecordType {
  /// A mailbox's host (RFC 1035 §3.3.3; experimental).
  public static let mb = RecordType(7)
}

extension RecordSchema {
  static let mb = RecordSchema(.mb, "MB", [.name(.compressible)])
}
