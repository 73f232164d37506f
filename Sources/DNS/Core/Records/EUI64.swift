extension RecordType {
  /// A 64-bit hardware address (RFC 7043 §4).
  public static let eui64 = RecordType(109)
}

extension RecordSchema {
  static let eui64 = RecordSchema(.eui64, "EUI64", [.eui(8)])
}
