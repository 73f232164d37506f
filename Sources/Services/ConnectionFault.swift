/// What a laboratory does to the connections of a service when it is asked to (`portside try --fail imap=close:100`), so that tests of
/// clients meet what networks and servers do.
public enum ConnectionFault: Hashable, Sendable, Codable {
  /// Each connection is reset as soon as it stands.
  case refuse
  /// Everything is taken, nothing is answered.
  case drop
  /// Every answer comes so much later.
  case delay(Duration)
  /// The connection ends after so many bytes of answers.
  case close(after: Int)
  /// One bit is wrong in the byte at this place of the answers, counted from 1, and at each multiple of it.
  case corrupt(every: Int)
}
