extension RecordType {
  /// A URI for a service (RFC 7553).
  public static let uri = RecordType(256)
}

extension RecordSchema {
  static let uri = RecordSchema(.uri, "URI", [.uint16, .uint16, .text])
}
