extension RecordType {
  /// The service binding of HTTP (RFC 9460 §9): `@ HTTPS 1 . alpn=h2`.
  public static let https = RecordType(65)
}

extension RecordSchema {
  static let https = RecordSchema(
    .https, "HTTPS", [.uint16, .name(.never), .serviceParameters], additionalNameOffset: 2)
}
