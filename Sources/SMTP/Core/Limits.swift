/// What a session takes, and how long it waits.
public struct SMTPLimits: Sendable, Hashable {
  /// Bytes of a command line without its line end. RFC 5321 §4.5.3.1.4 wants 512, its extensions add to that.
  public var commandLength = 2048
  /// Bytes of a line of SASL: RFC 4954 §4 wants 12288.
  public var authenticationLength = 12_288
  public var messageSize: Int64 = 35_000_000
  /// RFC 5321 §4.5.3.1.8 wants 100 at least.
  public var recipients = 100
  /// Messages of one connection.
  public var transactions = 1000
  /// Faulty commands before the connection ends.
  public var errors = 10
  /// Refused recipients before the connection ends: who asks for so many names is looking for some that exist.
  public var refusedRecipients = 30
  public var logInFailures = 3
  /// RFC 5321 §4.5.3.2.7 wants 5 minutes.
  public var commandTime = Duration.seconds(300)
  /// For people's clients, from the connection to the log-in.
  public var logInTime = Duration.seconds(60)
  /// RFC 5321 §4.5.3.2.5 wants 3 minutes between two blocks.
  public var blockTime = Duration.seconds(180)
  /// From DATA to the end of the message: a peer that sends a byte a minute must end some time.
  public var messageTime = Duration.seconds(3600)

  public init() {}
}
