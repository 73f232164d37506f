extension RecordType {
  /// What a parent shall copy from its child (RFC 7477).
  public static let csync = RecordType(62)
}

extension RecordSchema {
  static let csync = RecordSchema(.csync, "CSYNC", [.uint32, .uint16, .typeBitmap])
}
