extension RecordType {
  /// How a zone's NSEC3 chain hashes (RFC 5155 §4).
  public static let nsec3param = RecordType(51)
}

extension RecordSchema {
  static let nsec3param = RecordSchema(.nsec3param, "NSEC3PARAM", [.uint8, .uint8, .uint16, .salt])
}
