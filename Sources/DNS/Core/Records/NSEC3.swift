extension RecordType {
  /// The next hashed name of the zone (RFC 5155 §3).
  public static let nsec3 = RecordType(50)
}

extension RecordSchema {
  static let nsec3 = RecordSchema(.nsec3, "NSEC3", [.uint8, .uint8, .uint16, .salt, .hash, .typeBitmap])
}
