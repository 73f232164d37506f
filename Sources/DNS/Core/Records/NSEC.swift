extension RecordType {
  /// The next name of the zone, and the types at this one (RFC 4034 §4).
  public static let nsec = RecordType(47)
}

extension RecordSchema {
  static let nsec = RecordSchema(.nsec, "NSEC", [.name(.never), .typeBitmap])
}
