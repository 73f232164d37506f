extension RecordType {
  /// A 48-bit hardware address (RFC 7043 §3).
  public static let eui48 = RecordType(108)
}

extension RecordSchema {
  static let eui48 = RecordSchema(.eui48, "EUI48", [.eui(6)])
}
