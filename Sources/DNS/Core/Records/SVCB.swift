extension RecordType {
  /// A service binding (RFC 9460): `_dns SVCB 1 ns1 alpn=dot`.
  public static let svcb = RecordType(64)
}

extension RecordSchema {
  static let svcb = RecordSchema(.svcb, "SVCB", [.uint16, .name(.never), .serviceParameters], additionalNameOffset: 2)
}
