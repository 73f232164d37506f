extension RecordType {
  /// The digest of a zone (RFC 8976).
  public static let zonemd = RecordType(63)
}

extension RecordSchema {
  static let zonemd = RecordSchema(.zonemd, "ZONEMD", [.uint32, .uint8, .uint8, .hex])
}
