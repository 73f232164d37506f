extension RecordType {
  /// Who is responsible for a mailing list (RFC 1035 §3.3.7; experimental).
  public static let minfo = RecordType(14)
}

extension RecordSchema {
  static let minfo = RecordSchema(.minfo, "MINFO", [.name(.compressible), .name(.compressible)])
}
