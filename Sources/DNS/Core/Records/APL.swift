extension RecordType {
  /// A list of address prefixes (RFC 3123): `@ APL 1:192.168.32.0/21 !1:192.168.38.0/28`.
  public static let apl = RecordType(42)
}

extension RecordSchema {
  static let apl = RecordSchema(.apl, "APL", [.addressPrefixes])
}
