extension RecordType {
  /// A place on earth (RFC 1876): `@ LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m`.
  public static let loc = RecordType(29)
}

extension RecordSchema {
  static let loc = RecordSchema(.loc, "LOC", [.location])
}
