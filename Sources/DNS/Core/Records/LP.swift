extension RecordType {
  /// A locator's pointer (RFC 6742 §2.4).
  public static let lp = RecordType(107)
}

extension RecordSchema {
  static let lp = RecordSchema(.lp, "LP", [.uint16, .name(.never)])
}
